//! Variables that become other variables, in every order.
