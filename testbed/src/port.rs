//! Ports that nobody else has, neither another testbed nor an outgoing connection.

use crate::error::Error;
use crate::file::make_folder;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

/// Below the ports that the kernel gives to outgoing connections, which come and go.
const FIRST: u16 = 20_000;
const LAST: u16 = 31_999;

/// A port of this machine, ours while this lives.
#[derive(Debug)]
pub(crate) struct Port {
    /// Its number.
    pub(crate) number: u16,
    /// Locked, so that no other testbed takes it before its program listens or while that restarts.
    _lock: File,
}

impl Port {
    /// The next free one. Locks are files in `folder`.
    pub(crate) fn take(folder: &Path) -> Result<Port, Error> {
        make_folder(folder)?;
        for number in FIRST..=LAST {
            let path = folder.join(number.to_string());
            let lock =
                File::create(&path).map_err(Error::doing(format!("create {}", path.display())))?;
            if lock.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
                return Ok(Port {
                    number,
                    _lock: lock,
                });
            }
        }
        Err(Error::Other(format!(
            "no port from {FIRST} to {LAST} is free on 127.0.0.1: end some testbeds (testbed down --all)"
        )))
    }
}
