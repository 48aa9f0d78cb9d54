//! The connection to etcd by TLS, and what is wrong with it, in words.
#![expect(clippy::wildcard_enum_match_arm, reason = "rustls has dozens of errors, and adds to them")]

use std::error::Error;
use std::io;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{AlertDescription, CertificateError, ClientConfig, InconsistentKeys, RootCertStore};
use schrittmacher_config::{WitnessFile, WitnessNote, WitnessTls};
use tokio_rustls::TlsConnector;

const PEM: &str = "a file in PEM, with lines of BEGIN and END";

/// Makes connections with these files.
///
/// # Errors
///
/// One of them cannot be used.
pub(super) fn connector(tls: &WitnessTls) -> Result<TlsConnector, WitnessNote> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&tls.ca, "witness-ca-file")? {
        let added = roots.add(certificate);
        added.map_err(|error| note("witness-ca-file", &tls.ca, &error.to_string(), PEM))?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| note("witness-ca-file", &tls.ca, &error.to_string(), ""))?
        .with_root_certificates(roots);
    let Some((cert, key)) = &tls.own else {
        return Ok(TlsConnector::from(Arc::new(config.with_no_client_auth())));
    };
    let chain = certificates(cert, "witness-cert-file")?;
    let private = PrivateKeyDer::from_pem_slice(key.text.as_str().as_bytes())
        .map_err(|_| note("witness-key-file", key, "has no private key in it that is not encrypted", PEM))?;
    let config = config.with_client_auth_cert(chain, private).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            let hint = "the key with which the certificate was made";
            note("witness-key-file", key, "is not the key of `witness-cert-file`", hint)
        }
        other => {
            note("witness-key-file", key, &format!("cannot be used: {other}"), "RSA, P-256, P-384 or Ed25519")
        }
    })?;
    Ok(TlsConnector::from(Arc::new(config)))
}

fn certificates(file: &WitnessFile, key: &'static str) -> Result<Vec<CertificateDer<'static>>, WitnessNote> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(file.text.as_str().as_bytes()).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) | Err(_) => Err(note(key, file, "has no certificate in it", PEM)),
    }
}

fn note(key: &'static str, file: &WitnessFile, what: &str, hint: &str) -> WitnessNote {
    let message = format!("{} {what}", file.path.display());
    WitnessNote { key, message, hint: hint.to_owned() }
}

/// Why there is no connection, or no answer over it.
pub(super) fn reason(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    loop {
        if let Some(error) = innermost.downcast_ref::<rustls::Error>() {
            return of_tls(error);
        }
        // The error inside of one of `io` is not its source, but the source of that.
        let inside = innermost.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let next = inside.map(|error| error as &(dyn Error + 'static)).or_else(|| innermost.source());
        let Some(next) = next else { break };
        innermost = next;
    }
    if innermost.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof)
    {
        return "it has closed the connection".to_owned();
    }
    innermost.to_string()
}

/// etcd without TLS closes a connection that begins with it.
pub(super) fn handshake_error(error: io::Error) -> io::Error {
    if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) {
        io::Error::other("it has ended the handshake of TLS: is `http` meant?")
    } else {
        error
    }
}

fn of_tls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(error) => of_certificate(error),
        rustls::Error::AlertReceived(alert) => of_alert(*alert),
        rustls::Error::InvalidMessage(_) => "it speaks no TLS: is `http` meant?".to_owned(),
        other => format!("TLS: {other}"),
    }
}

/// Its certificate.
fn of_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired; or the clock of this host is wrong".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; or the clock of this host is wrong".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is not for this address".to_owned()
        }
        // An authority that was made anew has the name of the old one, and another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate is of an authority that is not in `witness-ca-file`".to_owned()
        }
        other => format!("its certificate is refused: {other}"),
    }
}

/// Ours, most often.
fn of_alert(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired => "it demands a `witness-cert-file`".to_owned(),
        AlertDescription::CertificateExpired => "it says that `witness-cert-file` has expired".to_owned(),
        AlertDescription::UnknownCA => "it does not know the authority of `witness-cert-file`".to_owned(),
        // Versions of Go before 1.21 say this of each fault, also of none at all.
        AlertDescription::BadCertificate => {
            "it refuses `witness-cert-file`, which has expired, is of an unknown authority, or is missing"
                .to_owned()
        }
        other => format!("it refuses the connection by TLS: {other:?}"),
    }
}
