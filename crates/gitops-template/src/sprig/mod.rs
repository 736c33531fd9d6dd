//! Sprig v3.3.0's text functions, all of them, with the libraries beneath them (cast, mergo, xstrings, goutils, semver, shopspring's
//! decimals, Go's own `time`, `regexp`, `net/url`, `strconv`) as far as they show.
//!
//! Nothing here reaches out of the process: `env` and `expandenv` give nothing (Helm takes them away altogether), `getHostByName` gives
//! nothing. Random results, keys, certificates and the present time come from [`crate::Ambient`], and each function that used it is noted
//! there. The local time zone is UTC. Maps list their keys in order, where Go's order changes from run to run.

mod args;
mod cast;
#[cfg(feature = "certificates")]
mod certificate;
#[cfg(not(feature = "certificates"))]
#[path = "no_certificate.rs"]
mod certificate;
mod date;
mod decimal;
mod defaults;
mod dict;
mod duration;
mod encoding;
mod layout;
mod list;
mod math;
mod merge;
mod path;
mod pattern;
mod random;
mod regex;
mod rune;
mod secret;
pub mod semver;
mod text;
mod time;
mod url;
mod version;
mod weight;
mod words;

use crate::function::Function;
use crate::function::Ty::{self, Any, Bool, Float, Int, List, Map, Str};

const TIME: Ty = Ty::Object("time.Time");
const CERTIFICATE: Ty = Ty::Object("sprig.certificate");

/// Every function of sprig's `TxtFuncMap`. A caller that must not have some of them leaves them out by name.
pub const FUNCTIONS: &[Function] = &[
    Function::new("hello", &[], defaults::hello),
    // Dates
    Function::new("ago", &[Any], date::ago),
    Function::new("date", &[Str, Any], date::date),
    Function::new("date_in_zone", &[Str, Any, Str], date::date_in_zone),
    Function::new("dateInZone", &[Str, Any, Str], date::date_in_zone),
    Function::new("date_modify", &[Str, TIME], date::date_modify),
    Function::new("dateModify", &[Str, TIME], date::date_modify),
    Function::new("must_date_modify", &[Str, TIME], date::must_date_modify),
    Function::new("mustDateModify", &[Str, TIME], date::must_date_modify),
    Function::new("duration", &[Any], duration::duration),
    Function::new("durationRound", &[Any], duration::duration_round),
    Function::new("htmlDate", &[Any], date::html_date),
    Function::new("htmlDateInZone", &[Any, Str], date::html_date_in_zone),
    Function::new("now", &[], date::now),
    Function::new("toDate", &[Str, Str], date::to_date),
    Function::new("mustToDate", &[Str, Str], date::must_to_date),
    Function::new("unixEpoch", &[TIME], date::unix_epoch),
    // Texts
    Function::new("abbrev", &[Int, Str], text::abbrev),
    Function::new("abbrevboth", &[Int, Int, Str], text::abbrevboth),
    Function::new("trunc", &[Int, Str], text::trunc),
    Function::new("substr", &[Int, Int, Str], text::substr),
    Function::new("trim", &[Str], text::trim),
    Function::new("upper", &[Str], text::upper),
    Function::new("lower", &[Str], text::lower),
    Function::new("title", &[Str], text::title),
    Function::new("untitle", &[Str], text::untitle),
    Function::new("nospace", &[Str], text::nospace),
    Function::new("initials", &[Str], text::initials),
    Function::new("swapcase", &[Str], text::swapcase),
    Function::new("snakecase", &[Str], text::snakecase),
    Function::new("camelcase", &[Str], text::camelcase),
    Function::new("kebabcase", &[Str], text::kebabcase),
    Function::new("repeat", &[Int, Str], text::repeat),
    Function::new("trimall", &[Str, Str], text::trim_all),
    Function::new("trimAll", &[Str, Str], text::trim_all),
    Function::new("trimSuffix", &[Str, Str], text::trim_suffix),
    Function::new("trimPrefix", &[Str, Str], text::trim_prefix),
    Function::new("wrap", &[Int, Str], text::wrap),
    Function::new("wrapWith", &[Int, Str, Str], text::wrap_with),
    Function::new("contains", &[Str, Str], text::contains),
    Function::new("hasPrefix", &[Str, Str], text::has_prefix),
    Function::new("hasSuffix", &[Str, Str], text::has_suffix),
    Function::variadic("quote", &[], Any, text::quote),
    Function::variadic("squote", &[], Any, text::squote),
    Function::variadic("cat", &[], Any, text::cat),
    Function::new("indent", &[Int, Str], text::indent),
    Function::new("nindent", &[Int, Str], text::nindent),
    Function::new("replace", &[Str, Str, Str], text::replace),
    Function::new("plural", &[Str, Str, Int], text::plural),
    Function::new("toString", &[Any], text::to_string),
    // Lists of texts
    Function::new("split", &[Str, Str], list::split),
    Function::new("splitList", &[Str, Str], list::split_list),
    Function::new("splitn", &[Str, Int, Str], list::splitn),
    Function::new("toStrings", &[Any], list::to_strings),
    Function::new("join", &[Str, Any], list::join),
    Function::new("sortAlpha", &[Any], list::sort_alpha),
    // Numbers
    Function::new("atoi", &[Str], math::parse_decimal),
    Function::new("int64", &[Any], math::as_int64),
    Function::new("int", &[Any], math::as_int),
    Function::new("float64", &[Any], math::as_float64),
    Function::new("toDecimal", &[Any], math::to_decimal),
    Function::variadic("seq", &[], Int, math::seq),
    Function::new("until", &[Int], math::until),
    Function::new("untilStep", &[Int, Int, Int], math::until_step),
    Function::new("add1", &[Any], math::add1),
    Function::variadic("add", &[], Any, math::add),
    Function::new("sub", &[Any, Any], math::sub),
    Function::new("div", &[Any, Any], math::div),
    Function::new("mod", &[Any, Any], math::modulo),
    Function::variadic("mul", &[Any], Any, math::mul),
    Function::new("add1f", &[Any], math::add1f),
    Function::variadic("addf", &[], Any, math::addf),
    Function::variadic("subf", &[Any], Any, math::subf),
    Function::variadic("divf", &[Any], Any, math::divf),
    Function::variadic("mulf", &[Any], Any, math::mulf),
    Function::variadic("biggest", &[Any], Any, math::max),
    Function::variadic("max", &[Any], Any, math::max),
    Function::variadic("min", &[Any], Any, math::min),
    Function::variadic("maxf", &[Any], Any, math::maxf),
    Function::variadic("minf", &[Any], Any, math::minf),
    Function::new("ceil", &[Any], math::ceil),
    Function::new("floor", &[Any], math::floor),
    Function::variadic("round", &[Any, Int], Float, math::round),
    // Defaults and choices
    Function::variadic("default", &[Any], Any, defaults::default),
    Function::new("empty", &[Any], defaults::empty),
    Function::variadic("coalesce", &[], Any, defaults::coalesce),
    Function::variadic("all", &[], Any, defaults::all),
    Function::variadic("any", &[], Any, defaults::any),
    Function::new("ternary", &[Any, Any, Bool], defaults::ternary),
    Function::new("fail", &[Str], defaults::fail),
    // JSON
    Function::new("fromJson", &[Str], defaults::from_json),
    Function::new("mustFromJson", &[Str], defaults::must_from_json),
    Function::new("toJson", &[Any], defaults::to_json),
    Function::new("mustToJson", &[Any], defaults::must_to_json),
    Function::new("toPrettyJson", &[Any], defaults::to_pretty_json),
    Function::new("mustToPrettyJson", &[Any], defaults::must_to_pretty_json),
    Function::new("toRawJson", &[Any], defaults::to_raw_json),
    Function::new("mustToRawJson", &[Any], defaults::to_raw_json),
    // Types
    Function::new("typeOf", &[Any], defaults::type_of),
    Function::new("typeIs", &[Str, Any], defaults::type_is),
    Function::new("typeIsLike", &[Str, Any], defaults::type_is_like),
    Function::new("kindOf", &[Any], defaults::kind_of),
    Function::new("kindIs", &[Str, Any], defaults::kind_is),
    Function::new("deepEqual", &[Any, Any], defaults::deep_equal),
    // What Helm takes away, or keeps from the network
    Function::new("env", &[Str], random::environment),
    Function::new("expandenv", &[Str], random::environment),
    Function::new("getHostByName", &[Str], random::host_by_name),
    // Paths
    Function::new("base", &[Str], path::base),
    Function::new("osBase", &[Str], path::base),
    Function::new("dir", &[Str], path::dir),
    Function::new("osDir", &[Str], path::dir),
    Function::new("clean", &[Str], path::clean),
    Function::new("osClean", &[Str], path::clean),
    Function::new("ext", &[Str], path::ext),
    Function::new("osExt", &[Str], path::ext),
    Function::new("isAbs", &[Str], path::is_abs),
    Function::new("osIsAbs", &[Str], path::is_abs),
    // Encodings and check sums
    Function::new("b64enc", &[Str], encoding::b64enc),
    Function::new("b64dec", &[Str], encoding::b64dec),
    Function::new("b32enc", &[Str], encoding::b32enc),
    Function::new("b32dec", &[Str], encoding::b32dec),
    Function::new("sha1sum", &[Str], encoding::sha1sum),
    Function::new("sha256sum", &[Str], encoding::sha256sum),
    Function::new("sha512sum", &[Str], encoding::sha512sum),
    Function::new("adler32sum", &[Str], encoding::adler32sum),
    // Maps
    Function::variadic("dict", &[], Any, dict::dict),
    Function::new("get", &[Map, Str], dict::get),
    Function::new("set", &[Map, Str, Any], dict::set),
    Function::new("unset", &[Map, Str], dict::unset),
    Function::new("hasKey", &[Map, Str], dict::has_key),
    Function::variadic("pluck", &[Str], Map, dict::pluck),
    Function::variadic("keys", &[], Map, dict::keys),
    Function::variadic("pick", &[Map], Str, dict::pick),
    Function::variadic("omit", &[Map], Str, dict::omit),
    Function::new("values", &[Map], dict::values),
    Function::variadic("merge", &[Map], Map, dict::merge),
    Function::variadic("mergeOverwrite", &[Map], Map, dict::merge_overwrite),
    Function::variadic("mustMerge", &[Map], Map, dict::must_merge),
    Function::variadic("mustMergeOverwrite", &[Map], Map, dict::must_merge_overwrite),
    Function::variadic("dig", &[], Any, dict::dig),
    Function::new("deepCopy", &[Any], dict::deep_copy),
    Function::new("mustDeepCopy", &[Any], dict::deep_copy),
    // Lists
    Function::variadic("list", &[], Any, list::list),
    Function::variadic("tuple", &[], Any, list::list),
    Function::new("append", &[Any, Any], list::append),
    Function::new("push", &[Any, Any], list::append),
    Function::new("mustAppend", &[Any, Any], list::append),
    Function::new("mustPush", &[Any, Any], list::append),
    Function::new("prepend", &[Any, Any], list::prepend),
    Function::new("mustPrepend", &[Any, Any], list::prepend),
    Function::variadic("concat", &[], Any, list::concat),
    Function::new("first", &[Any], list::first),
    Function::new("mustFirst", &[Any], list::first),
    Function::new("rest", &[Any], list::rest),
    Function::new("mustRest", &[Any], list::rest),
    Function::new("last", &[Any], list::last),
    Function::new("mustLast", &[Any], list::last),
    Function::new("initial", &[Any], list::initial),
    Function::new("mustInitial", &[Any], list::initial),
    Function::new("reverse", &[Any], list::reverse),
    Function::new("mustReverse", &[Any], list::reverse),
    Function::new("uniq", &[Any], list::uniq),
    Function::new("mustUniq", &[Any], list::uniq),
    Function::new("compact", &[Any], list::compact),
    Function::new("mustCompact", &[Any], list::compact),
    Function::variadic("without", &[Any], Any, list::without),
    Function::variadic("mustWithout", &[Any], Any, list::without),
    Function::new("has", &[Any, Any], list::has),
    Function::new("mustHas", &[Any, Any], list::has),
    Function::variadic("slice", &[Any], Any, list::slice),
    Function::variadic("mustSlice", &[Any], Any, list::slice),
    Function::new("chunk", &[Int, Any], list::chunk),
    Function::new("mustChunk", &[Int, Any], list::chunk),
    // Random results
    Function::new("randAlphaNum", &[Int], random::alpha_num),
    Function::new("randAlpha", &[Int], random::alpha),
    Function::new("randAscii", &[Int], random::ascii),
    Function::new("randNumeric", &[Int], random::numeric),
    Function::new("randBytes", &[Int], random::rand_bytes),
    Function::new("randInt", &[Int, Int], random::rand_int),
    Function::new("uuidv4", &[], random::uuid),
    Function::new("shuffle", &[Str], random::shuffle),
    // Secrets
    Function::new("bcrypt", &[Str], encoding::bcrypt),
    Function::new("htpasswd", &[Str, Str], encoding::htpasswd),
    Function::new("derivePassword", &[Int, Str, Str, Str, Str], secret::derive_password),
    Function::new("encryptAES", &[Str, Str], secret::encrypt_aes),
    Function::new("decryptAES", &[Str, Str], secret::decrypt_aes),
    // Keys and certificates
    Function::new("genPrivateKey", &[Str], certificate::private_key),
    Function::new("buildCustomCert", &[Str, Str], certificate::custom),
    Function::new("genCA", &[Str, Int], certificate::authority),
    Function::new("genCAWithKey", &[Str, Int, Str], certificate::authority),
    Function::new("genSelfSignedCert", &[Str, List, List, Int], certificate::self_signed),
    Function::new("genSelfSignedCertWithKey", &[Str, List, List, Int, Str], certificate::self_signed),
    Function::new("genSignedCert", &[Str, List, List, Int, CERTIFICATE], certificate::signed),
    Function::new("genSignedCertWithKey", &[Str, List, List, Int, CERTIFICATE, Str], certificate::signed),
    // Versions
    Function::new("semver", &[Str], version::semver),
    Function::new("semverCompare", &[Str, Str], version::semver_compare),
    // Regular expressions
    Function::new("regexMatch", &[Str, Str], regex::matches),
    Function::new("mustRegexMatch", &[Str, Str], regex::must_matches),
    Function::new("regexFind", &[Str, Str], regex::find),
    Function::new("mustRegexFind", &[Str, Str], regex::must_find),
    Function::new("regexFindAll", &[Str, Str, Int], regex::find_all),
    Function::new("mustRegexFindAll", &[Str, Str, Int], regex::must_find_all),
    Function::new("regexReplaceAll", &[Str, Str, Str], regex::replace_all),
    Function::new("mustRegexReplaceAll", &[Str, Str, Str], regex::must_replace_all),
    Function::new("regexReplaceAllLiteral", &[Str, Str, Str], regex::replace_all_literal),
    Function::new("mustRegexReplaceAllLiteral", &[Str, Str, Str], regex::must_replace_all_literal),
    Function::new("regexSplit", &[Str, Str, Int], regex::split),
    Function::new("mustRegexSplit", &[Str, Str, Int], regex::must_split),
    Function::new("regexQuoteMeta", &[Str], regex::quote_meta),
    // Addresses
    Function::new("urlParse", &[Str], url::parse),
    Function::new("urlJoin", &[Map], url::join),
];
