//! Keys and certificates: `genPrivateKey`, `genCA` and their kin.
//!
//! Certificates are what Go 1.26 makes of sprig's template: version 3, a random serial number of 128 bits, valid from now on, for
//! servers and clients, with the names and addresses given. RSA keys have 2,048 bits, 4,096 if made by `genPrivateKey`.

mod der;
mod key;
mod pem;

use std::any::Any;
use std::net::IpAddr;

use sha2::{Digest, Sha256};

use self::der::Reader;
use self::key::{PrivateKey, Stream};
use super::args::{Outcome, done, int, mistyped, strval, text};
use super::encoding::decode_base64;
use super::layout;
use super::random;
use super::time::Time;
use crate::error::FuncError;
use crate::object::Object;
use crate::scope::Scope;
use crate::text::Str;
use crate::value::{Map, Value};

type Args<'a> = &'a mut [Value];

/// Object identifiers, encoded.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 0x23];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/// What an RSA key of this many bits costs, in bytes of text: making one takes as long.
const fn cost(bits: usize) -> usize {
    bits * 8192
}

/// A `sprig.certificate`: both parts as PEM.
struct Certificate {
    cert: Str,
    key: Str,
}

impl Object for Certificate {
    fn type_name(&self) -> &str {
        "sprig.certificate"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(Value::Str(self.cert.clone())),
            "Key" => Some(Value::Str(self.key.clone())),
            _ => None,
        }
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("Cert", Value::Str(self.cert.clone())), ("Key", Value::Str(self.key.clone()))]
    }

    fn plain(&self) -> Value {
        Value::Map(self.fields().into_iter().collect::<Map>())
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Certificate>().is_some_and(|other| self.cert == other.cert && self.key == other.key)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn stream(scope: &mut Scope<'_>) -> Result<Stream, FuncError> {
    Ok(Stream { key: random::bytes(scope)?, block: 0 })
}

/// What is wrong with the kind of key, or with making it, is printed instead of one.
pub(super) fn private_key(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let kind = text(&args[0])?;
    let cost = match kind.as_bytes() {
        b"" | b"rsa" | b"dsa" => cost(4096),
        _ => cost(8),
    };
    scope.charge(cost)?;
    scope.note_drift("genPrivateKey");
    let mut stream = stream(scope)?;
    let key = match kind.as_bytes() {
        b"" | b"rsa" => PrivateKey::rsa(&mut stream, 4096),
        b"dsa" => PrivateKey::dsa(&mut stream),
        b"ecdsa" => Ok(PrivateKey::p256(&mut stream)),
        b"ed25519" => Ok(PrivateKey::ed25519(&mut stream)),
        other => return done([b"Unknown type ", other].concat()),
    };
    done(key.and_then(|key| key.to_pem()).unwrap_or_else(|e| format!("failed to generate private key: {e}")))
}

/// A certificate and a key that are there already, in base64.
pub(super) fn custom(_: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    let cert = decode_base64(text(&args[0])?).map_err(|_| "unable to decode base64 certificate")?;
    let key = decode_base64(text(&args[1])?).map_err(|_| "unable to decode base64 private key")?;
    let (_, der) = pem::decode(&cert).ok_or("unable to decode certificate")?;
    Issuer::parse(&der)?;
    PrivateKey::parse(&key).map_err(|e| format!("error parsing private key: {e}"))?;
    Ok(Value::object(Certificate { cert: cert.into(), key: key.into() }))
}

/// The key in the last argument, or a new one.
fn key_for(scope: &mut Scope<'_>, given: Option<&Value>) -> Result<PrivateKey, FuncError> {
    if let Some(given) = given {
        return PrivateKey::parse(text(given)?).map_err(|e| FuncError::new(format!("parsing private key: {e}")));
    }
    scope.charge(cost(2048))?;
    let mut stream = stream(scope)?;
    PrivateKey::rsa(&mut stream, 2048).map_err(|e| FuncError::new(format!("error generating rsa key: {e}")))
}

pub(super) fn authority(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    scope.note_drift(if args.len() > 2 { "genCAWithKey" } else { "genCA" });
    let key = key_for(scope, args.get(2))?;
    let request = Request::new(&args[0], None, &args[1], true)?;
    request.issue(scope, &key, None)
}

pub(super) fn self_signed(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    scope.note_drift(if args.len() > 4 { "genSelfSignedCertWithKey" } else { "genSelfSignedCert" });
    let key = key_for(scope, args.get(4))?;
    let request = Request::new(&args[0], Some((&args[1], &args[2])), &args[3], false)?;
    request.issue(scope, &key, None)
}

pub(super) fn signed(scope: &mut Scope<'_>, args: Args<'_>) -> Outcome {
    scope.note_drift(if args.len() > 5 { "genSignedCertWithKey" } else { "genSignedCert" });
    let key = key_for(scope, args.get(5))?;
    let Some(authority) = args[4].as_object::<Certificate>() else { return Err("unable to decode certificate".into()) };
    let (_, der) = pem::decode(&authority.cert).ok_or("unable to decode certificate")?;
    let issuer = Issuer::parse(&der)?;
    let signer = PrivateKey::parse(&authority.key).map_err(|e| format!("error parsing private key: {e}"))?;
    let request = Request::new(&args[0], Some((&args[1], &args[2])), &args[3], false)?;
    request.issue(scope, &key, Some((&issuer, &signer)))
}

/// What a certificate shall say.
struct Request {
    common_name: Str,
    addresses: Vec<IpAddr>,
    names: Vec<Str>,
    days: i64,
    authority: bool,
}

/// What of the signer's certificate goes into the new one.
struct Issuer {
    /// Encoded.
    subject: Vec<u8>,
    key_id: Option<Vec<u8>>,
    /// Encoded.
    public_key: Vec<u8>,
}

impl Request {
    fn new(common_name: &Value, others: Option<(&Value, &Value)>, days: &Value, authority: bool) -> Result<Request, FuncError> {
        let (mut addresses, mut names) = (Vec::new(), Vec::new());
        if let Some((ips, dns)) = others {
            let list = |value: &Value| value.as_list().cloned().ok_or_else(|| mistyped(value, "[]interface {}"));
            for ip in list(ips)?.iter() {
                let Value::Str(text) = ip else {
                    return Err(FuncError::new(format!("error parsing ip: {} is not a string", strval(ip)?)));
                };
                let parsed = text.to_utf8().and_then(|text| text.parse().ok());
                addresses.push(parsed.ok_or_else(|| FuncError::new(format!("error parsing ip: {text}")))?);
            }
            for name in list(dns)?.iter() {
                let Value::Str(text) = name else {
                    return Err(FuncError::new(format!("error processing alternate dns name: {} is not a string", strval(name)?)));
                };
                names.push(text.clone());
            }
        }
        Ok(Request { common_name: text(common_name)?.clone(), addresses, names, days: int(days)?, authority })
    }

    /// Makes the certificate: signed by the issuer, or by its own key.
    fn issue(&self, scope: &mut Scope<'_>, key: &PrivateKey, issuer: Option<(&Issuer, &PrivateKey)>) -> Outcome {
        let serial: [u8; 16] = random::bytes(scope)?;
        let now = Time::now(scope);
        let failed = |e: String| FuncError::new(format!("error creating certificate: {e}"));
        let der = self.encode(&serial, &now, key, issuer).map_err(failed)?;
        let pem = key.to_pem().map_err(|e| FuncError::new(format!("error pem-encoding key: {e}")))?;
        Ok(Value::object(Certificate { cert: pem::encode("CERTIFICATE", &der).into(), key: pem.into() }))
    }

    fn encode(&self, serial: &[u8], now: &Time, key: &PrivateKey, issuer: Option<(&Issuer, &PrivateKey)>) -> Result<Vec<u8>, String> {
        const DAY: i64 = 24 * 3600 * 1_000_000_000;
        let signer = issuer.map_or(key, |(_, signer)| signer);
        let algorithm = signer.signature_algorithm()?;
        if issuer.is_some_and(|(issuer, signer)| signer.public_key().is_ok_and(|key| key != issuer.public_key)) {
            return Err("x509: provided PrivateKey doesn't match parent's PublicKey".to_owned());
        }
        let subject = self.subject()?;
        let until = now.plus(DAY.wrapping_mul(self.days));
        let issuer_name = issuer.map_or(subject.as_slice(), |(issuer, _)| &issuer.subject);
        let authority_key = issuer.filter(|(issuer, _)| issuer.subject != subject).and_then(|(issuer, _)| issuer.key_id.as_deref());
        let extensions = self.extensions(key, subject == der::sequence(&[]), authority_key)?;
        let body = der::sequence(&[
            &der::value(0xa0, &[&der::integer(&[2])]),
            &der::integer(serial),
            &algorithm,
            issuer_name,
            &der::sequence(&[&moment(now)?, &moment(&until)?]),
            &subject,
            &key.public_key()?,
            &der::value(0xa3, &[&der::sequence(&[&extensions])]),
        ]);
        let signature = signer.sign(&body)?;
        Ok(der::sequence(&[&body, &algorithm, &der::bits(0, &signature)]))
    }

    fn subject(&self) -> Result<Vec<u8>, String> {
        const PRINTABLE: u8 = 0x13;
        const UTF8: u8 = 0x0c;
        let name = self.common_name.to_utf8().ok_or("asn1: string not valid UTF-8")?;
        if name.is_empty() {
            return Ok(der::sequence(&[]));
        }
        let printable = name.bytes().all(|b| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b));
        let text = der::value(if printable { PRINTABLE } else { UTF8 }, &[name.as_bytes()]);
        let attribute = der::sequence(&[&der::value(der::OBJECT, &[COMMON_NAME]), &text]);
        Ok(der::sequence(&[&der::value(der::SET, &[&attribute])]))
    }

    fn extensions(&self, key: &PrivateKey, nameless: bool, authority_key: Option<&[u8]>) -> Result<Vec<u8>, String> {
        const KEY_ID: u8 = 0x80;
        // Digital signature and key encipherment; an authority signs certificates too.
        let usage = if self.authority { der::bits(2, &[0xa4]) } else { der::bits(5, &[0xa0]) };
        let constraints: &[u8] = if self.authority { &[0x01, 0x01, 0xff] } else { &[] };
        let purposes = [SERVER_AUTH, CLIENT_AUTH].map(|object| der::value(der::OBJECT, &[object])).concat();
        let mut all = extension(KEY_USAGE, true, &usage);
        all.extend(extension(EXTENDED_KEY_USAGE, false, &der::sequence(&[&purposes])));
        all.extend(extension(BASIC_CONSTRAINTS, true, &der::sequence(&[constraints])));
        if self.authority {
            let hash = Sha256::digest(key.public_bytes()?);
            all.extend(extension(SUBJECT_KEY_ID, false, &der::value(der::OCTET_STRING, &[&hash[..20]])));
        }
        if let Some(id) = authority_key {
            all.extend(extension(AUTHORITY_KEY_ID, false, &der::sequence(&[&der::value(KEY_ID, &[id])])));
        }
        if !(self.names.is_empty() && self.addresses.is_empty()) {
            all.extend(extension(ALTERNATIVE_NAMES, nameless, &self.alternative_names()?));
        }
        Ok(all)
    }

    fn alternative_names(&self) -> Result<Vec<u8>, String> {
        const DNS: u8 = 0x82;
        const ADDRESS: u8 = 0x87;
        let mut all = Vec::new();
        for name in &self.names {
            if !name.is_ascii() {
                return Err(format!("x509: {} cannot be encoded as an IA5String", crate::fmt::quote(name)));
            }
            all.extend(der::value(DNS, &[name]));
        }
        for address in &self.addresses {
            all.extend(match address.to_canonical() {
                IpAddr::V4(address) => der::value(ADDRESS, &[&address.octets()]),
                IpAddr::V6(address) => der::value(ADDRESS, &[&address.octets()]),
            });
        }
        Ok(der::sequence(&[&all]))
    }
}

fn extension(object: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[0x01, 0x01, 0xff] } else { &[] };
    der::sequence(&[&der::value(der::OBJECT, &[object]), critical, &der::value(der::OCTET_STRING, &[value])])
}

/// Two digits for the years 1950 to 2049, four for others.
fn moment(time: &Time) -> Result<Vec<u8>, String> {
    const SHORT: u8 = 0x17;
    const LONG: u8 = 0x18;
    let text = layout::format(time, b"20060102150405Z");
    match (text.len(), text.get(..4)) {
        (15, Some(year)) if (&b"1950"[..]..&b"2050"[..]).contains(&year) => Ok(der::value(SHORT, &[&text[2..]])),
        (15, Some(year)) if year.iter().all(u8::is_ascii_digit) => Ok(der::value(LONG, &[&text])),
        _ => Err("asn1: structure error: cannot represent time as GeneralizedTime".to_owned()),
    }
}

impl Issuer {
    /// Looks into a certificate.
    fn parse(der: &[u8]) -> Result<Issuer, FuncError> {
        Issuer::read(der).ok_or_else(|| "error parsing certificate: decodedCert.Bytes: x509: malformed certificate".into())
    }

    fn read(der: &[u8]) -> Option<Issuer> {
        const VERSION: u8 = 0xa0;
        const EXTENSIONS: u8 = 0xa3;
        let mut outer = Reader::new(der);
        let mut certificate = outer.inside(der::SEQUENCE)?;
        let mut body = certificate.inside(der::SEQUENCE)?;
        certificate.content(der::SEQUENCE)?;
        certificate.content(der::BIT_STRING)?;
        if !outer.is_empty() || !certificate.is_empty() {
            return None;
        }
        if body.peek() == Some(VERSION) {
            body.any()?;
        }
        body.content(der::INTEGER)?;
        for _ in 0..3 {
            // How it is signed, by whom, and how long it is valid.
            body.content(der::SEQUENCE)?;
        }
        let mut ahead = body;
        ahead.content(der::SEQUENCE)?;
        let subject = body.any()?.0.to_vec();
        ahead.content(der::SEQUENCE)?;
        let public_key = body.any()?.0.to_vec();
        let mut key_id = None;
        while !body.is_empty() {
            if body.peek() != Some(EXTENSIONS) {
                body.any()?;
                continue;
            }
            let mut extensions = body.inside(EXTENSIONS)?.inside(der::SEQUENCE)?;
            while !extensions.is_empty() {
                let mut extension = extensions.inside(der::SEQUENCE)?;
                let object = extension.content(der::OBJECT)?;
                if extension.peek() != Some(der::OCTET_STRING) {
                    extension.any()?;
                }
                let value = extension.content(der::OCTET_STRING)?;
                if object == SUBJECT_KEY_ID {
                    key_id = Some(Reader::new(value).content(der::OCTET_STRING)?.to_vec());
                }
            }
        }
        Some(Issuer { subject, key_id, public_key })
    }
}
