//! Certificates that the real `openssl` makes, as a city's own PKI would.

use std::{fs, path::Path, process::Command};

/// Runs `openssl` in a folder.
///
/// # Panics
/// If there is none on this machine, or it refuses.
pub fn openssl(folder: &Path, arguments: &str) {
    let ran = Command::new("openssl").current_dir(folder).args(arguments.split_whitespace()).output();
    let Ok(ran) = ran else { panic!("this test needs the program openssl: install it (apt-get install openssl)") };
    assert!(ran.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&ran.stderr));
}

const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
/// What `openssl ca` needs to revoke.
const CONFIG: &str = "[ca]\ndefault_ca=here\n[here]\ndatabase=index.txt\ndefault_md=sha256\ncrlnumber=crlnumber\n\
                      default_crl_days=30\n";

/// A root CA (RSA, 2048 bits), an intermediate one (P-384) and a certificate of the node (P-256): `root.pem`, `chain.pem`,
/// `node.key`.
pub fn own_pki(folder: &Path, uri: &str) {
    fs::write(folder.join("ca.ext"), CA).unwrap();
    fs::write(folder.join("openssl.cnf"), CONFIG).unwrap();
    fs::write(folder.join("index.txt"), "").unwrap();
    fs::write(folder.join("crlnumber"), "01\n").unwrap();
    openssl(
        folder,
        "req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -subj /CN=Root -days 3650 -addext keyUsage=critical,keyCertSign,cRLSign",
    );
    openssl(
        folder,
        "req -newkey ec -pkeyopt ec_paramgen_curve:secp384r1 -nodes -keyout middle.key -out middle.csr -subj /CN=Middle",
    );
    openssl(
        folder,
        "x509 -req -in middle.csr -CA root.pem -CAkey root.key -set_serial 4097 -out middle.pem -days 1000 -sha256 -extfile ca.ext",
    );
    issue(folder, uri, "4098");
}

/// A further certificate of the node in the place of the one before.
pub fn issue(folder: &Path, uri: &str, serial: &str) {
    let end = format!(
        "subjectAltName=URI:{uri}\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth,serverAuth\n"
    );
    fs::write(folder.join("end.ext"), end).unwrap();
    openssl(
        folder,
        "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout new.key -out node.csr -subj /CN=Node",
    );
    openssl(
        folder,
        &format!(
            "x509 -req -in node.csr -CA middle.pem -CAkey middle.key -set_serial {serial} -out node.pem -days 30 -sha256 -extfile end.ext"
        ),
    );
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    fs::write(folder.join("chain.pem"), read("node.pem") + &read("middle.pem")).unwrap();
    fs::rename(folder.join("new.key"), folder.join("node.key")).unwrap();
}

/// Revokes the present certificate of the node: `revoked.pem`.
pub fn revoke(folder: &Path) {
    openssl(folder, "ca -config openssl.cnf -cert middle.pem -keyfile middle.key -revoke node.pem");
    openssl(folder, "ca -config openssl.cnf -cert middle.pem -keyfile middle.key -gencrl -out revoked.pem");
}
