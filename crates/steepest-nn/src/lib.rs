//! Layers, losses, initializers, metrics and ready-made models.
#![forbid(unsafe_code)]
