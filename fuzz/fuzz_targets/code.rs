//! The text that a household scans: read back as it was, by one generation only.
#![no_main]

use libfuzzer_sys::fuzz_target;
use permission::code::{Bundle, Single};

fuzz_target!(|text: &str| {
    let (bundle, single) = (Bundle::from_text(text), Single::from_text(text));
    assert!(
        bundle.is_err() || single.is_err(),
        "a code of two generations"
    );
    if let Ok(bundle) = bundle {
        assert_eq!(Bundle::from_text(&bundle.to_text()).unwrap(), bundle);
        assert!(Single::from_text(&bundle.to_text()).is_err());
        assert!(!format!("{bundle:?}").contains("access_token"));
    }
    if let Ok(single) = single {
        assert_eq!(Single::from_text(&single.to_text()).unwrap(), single);
        assert!(Bundle::from_text(&single.to_text()).is_err());
        assert!(!format!("{single:?}").contains("bearer_token"));
    }
});
