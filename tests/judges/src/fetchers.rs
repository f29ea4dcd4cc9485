//! The programs that fetch: two that go on where a connection broke off, one that reads by four connections at once.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::case::{Case, FILE, Verdict, version};

/// It asks for the rest of a half file, and of a whole one for nothing more.
pub(crate) fn curl(case: &Case) -> Result<Verdict> {
    let arguments = ["-sS", "-C", "-", "-o", FILE, "-D", "-", "-w", "%{size_download} bytes came\n", "URL"];
    let said = case.run("curl", &arguments)?;
    case.expect_whole(&said)?;
    ensure!(said.contains(" 206 "), "it was not served a range: {said}");
    Ok(Verdict {
        judge: version("curl")?,
        found: "a half file goes on with 206; the SHA-256 is right".to_owned(),
        command: format!("curl -C - -o {FILE} -D - URL"),
        said: without_dates(&said),
        after: String::new(),
    })
}

/// The same, with the length compared by itself.
pub(crate) fn wget(case: &Case) -> Result<Verdict> {
    let said = case.run("wget", &["-c", "--progress=dot:mega", "--server-response", "-O", FILE, "URL"])?;
    case.expect_whole(&said)?;
    ensure!(said.contains(" 206 "), "it was not served a range: {said}");
    let again = case.run("wget", &["-c", "-O", FILE, "URL"])?;
    ensure!(again.contains("already fully retrieved"), "a whole file is fetched again: {again}");
    case.expect_whole(&again)?;
    let is_kept = |line: &&str| {
        let line = line.trim_start();
        let is_head = line.starts_with("HTTP") || line.starts_with("Length") || line.starts_with("The file");
        is_head || (line.contains(": ") && !line.contains("--") && !line.contains('%'))
    };
    let said: Vec<&str> = said.lines().chain(again.lines()).filter(is_kept).collect();
    Ok(Verdict {
        judge: version("wget")?,
        found: "a half file goes on with 206, a whole one is left alone; the SHA-256 is right".to_owned(),
        command: format!("wget -c --server-response -O {FILE} URL, twice"),
        said: without_dates(&said.join("\n")),
        after: String::new(),
    })
}

/// It reads by four connections on one link, and checks what it has itself.
pub(crate) fn aria2(case: &Case) -> Result<Verdict> {
    // What is there of it was no download of its own: it keeps a list of the parts that it has.
    fs::remove_file(case.file())?;
    let checksum = format!("--checksum=sha-256={}", case.sign());
    let arguments = [
        "-x4",
        "-s4",
        "-k1M",
        "--file-allocation=none",
        "--summary-interval=0",
        "--enable-color=false",
        "--show-console-readout=false",
        "--log=aria2.log",
        "--log-level=info",
        &checksum,
        "-o",
        FILE,
        "URL",
    ];
    let said = case.run("aria2c", &arguments)?;
    case.expect_whole(&said)?;
    let log = fs::read_to_string(case.file().with_file_name("aria2.log")).context("aria2c wrote no log")?;
    // Which parts it asks for depends on how fast each came.
    let ranges: BTreeSet<&str> = log.lines().filter(|line| line.starts_with("Range: ")).collect();
    let parts = log.lines().filter(|line| line.starts_with("HTTP/1.1 206")).count();
    ensure!(ranges.len() >= 3 && parts >= 3, "it asked for {ranges:?} and was served {parts} parts");
    let is_kept = |line: &&str| line.contains("[NOTICE]") || line.contains("|OK") || line.contains("(OK)");
    let said: Vec<String> = said.lines().filter(is_kept).map(without_speed).collect();
    Ok(Verdict {
        judge: version("aria2c")?,
        found: "four connections on one link, several ranges at once; the SHA-256 is right".to_owned(),
        command: format!("aria2c -x4 -s4 -k1M --checksum=sha-256=SIGN -o {FILE} URL"),
        said: said.join("\n").replace(&*case.file().to_string_lossy(), FILE).replace(case.sign(), "SIGN"),
        after: String::new(),
    })
}

fn without_dates(said: &str) -> String {
    let is_date = |line: &&str| line.trim_start().to_ascii_lowercase().starts_with("date:");
    let lines: Vec<&str> = said.lines().filter(|line| !is_date(line) && !line.trim().is_empty()).collect();
    lines.join("\n")
}

/// `11/24 19:00:00 [NOTICE] …`, and `a1b2c3|OK  |  85MiB/s|firmware.bin`.
fn without_speed(line: &str) -> String {
    if let Some(at) = line.find("[NOTICE]") {
        return line[at..].to_owned();
    }
    match line.split('|').collect::<Vec<_>>().as_slice() {
        [_, status, _, file] => format!("{} {file}", status.trim()),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_from_run_to_run_is_left_out() {
        let said = "HTTP/1.1 206 Partial Content\nDate: Tue, 24 Nov 2026\n\n  date: now\netag: \"a\"\n";
        assert_eq!(without_dates(said), "HTTP/1.1 206 Partial Content\netag: \"a\"");
        assert_eq!(
            without_speed("11/24 19:00:00 [NOTICE] Downloading 1 item(s)"),
            "[NOTICE] Downloading 1 item(s)"
        );
        assert_eq!(without_speed("a1b2c3|OK  |    85MiB/s|f.bin"), "OK f.bin");
        assert_eq!(without_speed("(OK):download completed."), "(OK):download completed.");
    }
}
