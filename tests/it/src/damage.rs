//! A disk that fails: stored bytes change in the host's own file, behind the gateway's back.

use std::path::Path;

use rusqlite::Connection;

/// Flips a bit of the byte `at` of the one part of a firmware whose key, after `image:`, is like `key_like`, in the
/// key-value store of the host whose state is in `state_dir`.
pub fn flip(state_dir: &Path, key_like: &str, at: usize) {
    let store = Connection::open(state_dir.join("sqlite_key_value.db")).unwrap();
    let sound = "SELECT key, value FROM spin_key_value WHERE key LIKE 'image:' || ?1";
    let (key, mut value): (String, Vec<u8>) =
        store.query_row(sound, [key_like], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    value[at] ^= 0x10;
    let damage = "UPDATE spin_key_value SET value = ?2 WHERE key = ?1";
    assert_eq!(store.execute(damage, (key, value)).unwrap(), 1);
}
