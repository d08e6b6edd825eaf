//! The little DER that Intel's certificate extension takes.

/// The start of the extension's object identifiers: 1.2.840.113741.1.13.1.
const SGX: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01];

/// The extension's identifier, in numbers.
pub(super) const SGX_OID: [u64; 7] = [1, 2, 840, 113_741, 1, 13, 1];

fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match length {
        0..=127 => vec![tag, length as u8],
        128..=255 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head, content.to_vec()].concat()
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    value(0x30, &parts.concat())
}

fn entry(arcs: &[u8], content: Vec<u8>) -> Vec<u8> {
    sequence(&[value(0x06, &[&SGX, arcs].concat()), content])
}

fn bytes(content: &[u8]) -> Vec<u8> {
    value(0x04, content)
}

/// What a platform's certificate says about it: its id, security versions and kind.
pub(super) fn sgx_extension(ppid: &[u8; 16], cpu_svn: &[u8; 16], pce_svn: u8, fmspc: &[u8; 6]) -> Vec<u8> {
    let tcb = sequence(&[entry(&[2, 17], value(0x02, &[pce_svn])), entry(&[2, 18], bytes(cpu_svn))]);
    sequence(&[
        entry(&[1], bytes(ppid)),
        entry(&[2], tcb),
        entry(&[3], bytes(&[0, 0])),
        entry(&[4], bytes(fmspc)),
        entry(&[5], value(0x0a, &[0])),
    ])
}
