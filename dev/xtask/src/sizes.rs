//! Prints the sizes of files, plain and compressed as servers send them.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;

/// The level that web servers precompress at.
const GZIP_LEVEL: u32 = 9;
const BROTLI_LEVEL: u32 = 11;
/// Brotli's largest window of the standard format, 2^22 bytes.
const BROTLI_WINDOW_LOG2: u32 = 22;
const BUFFER_BYTES: usize = 4096;

/// Prints a table of sizes in bytes, with a row for each name and their sum.
pub fn print(parts: &[(&str, Vec<PathBuf>)]) -> Result<()> {
    println!("{:<24}{:>12}{:>12}{:>12}", "bytes", "raw", "gzip", "brotli");
    let mut sum = [0; 3];
    for (name, files) in parts {
        let mut sizes = [0; 3];
        for file in files {
            add(&mut sizes, measure(&fs_err::read(file)?)?);
        }
        row(name, sizes);
        add(&mut sum, sizes);
    }
    row("together", sum);
    Ok(())
}

fn add(sum: &mut [usize; 3], sizes: [usize; 3]) {
    for (total, size) in sum.iter_mut().zip(sizes) {
        *total += size;
    }
}

fn measure(bytes: &[u8]) -> Result<[usize; 3]> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL));
    gzip.write_all(bytes)?;
    let mut brotli =
        brotli::CompressorWriter::new(Vec::new(), BUFFER_BYTES, BROTLI_LEVEL, BROTLI_WINDOW_LOG2);
    brotli.write_all(bytes)?;
    Ok([bytes.len(), gzip.finish()?.len(), brotli.into_inner().len()])
}

fn row(name: &str, sizes: [usize; 3]) {
    let [raw, gzip, brotli] = sizes.map(grouped);
    println!("{name:<24}{raw:>12}{gzip:>12}{brotli:>12}");
}

/// 1234567 as "1,234,567".
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_grouped() {
        assert_eq!(super::grouped(0), "0");
        assert_eq!(super::grouped(999), "999");
        assert_eq!(super::grouped(1_234_567), "1,234,567");
    }
}
