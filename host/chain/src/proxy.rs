//! Setting weights for a hotkey that never leaves its safe: another key, which it has made its proxy, signs `Proxy.proxy`.

use platform_domain::Hotkey;
use subxt::{
    ext::{
        scale_encode::{EncodeAsType, Error as EncodeError},
        scale_type_resolver::TypeResolver,
        scale_value::Value,
    },
    transactions::DynamicPayload,
};

/// The arguments of `Proxy.proxy`, by the runtime's names.
#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub(crate) struct ProxyArguments {
    real: Value,
    force_proxy_type: Value,
    call: RawValue,
}

/// A value that is bytes already.
struct RawValue(Vec<u8>);

pub(crate) const PALLET: &str = "Proxy";
const CALL: &str = "proxy";

impl EncodeAsType for RawValue {
    fn encode_as_type_to<R: TypeResolver>(
        &self,
        _: R::TypeId,
        _: &R,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        out.extend_from_slice(&self.0);
        Ok(())
    }
}

/// Lets the proxy of `real` make a call that is bytes already. The chain takes the first delegation there is to the signer.
pub(crate) fn proxy_call(real: Hotkey, call: Vec<u8>) -> DynamicPayload<ProxyArguments> {
    let arguments = ProxyArguments {
        real: Value::unnamed_variant("Id", [Value::from_bytes(real.as_bytes())]),
        force_proxy_type: Value::unnamed_variant("None", []),
        call: RawValue(call),
    };
    subxt::transactions::dynamic(PALLET, CALL, arguments)
}
