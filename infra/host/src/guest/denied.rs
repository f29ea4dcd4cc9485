//! Interfaces of Spin that this host does not provide: a component may import
//! them, and calling one is a trap that names the function.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, ResourceType};
use wasmtime::format_err;

use super::Guest;

/// What the linker has for real; everything else that a component imports is denied.
const PROVIDED: [&str; 12] = [
    "fermyon:spin/key-value@",
    "fermyon:spin/postgres@2",
    "fermyon:spin/rdbms-types@2",
    "fermyon:spin/sqlite@",
    "fermyon:spin/variables@",
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:http/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// Defines a trap for each function of each interface that is not provided.
pub(crate) fn deny_the_rest(linker: &mut Linker<Guest>, component: &Component) -> wasmtime::Result<()> {
    let engine = component.engine().clone();
    for (interface, item) in component.component_type().imports(&engine) {
        let ComponentItem::ComponentInstance(instance) = item.ty else {
            continue;
        };
        if PROVIDED.iter().any(|provided| interface.starts_with(provided)) {
            continue;
        }
        let mut denied = linker.instance(interface)?;
        for (name, item) in instance.exports(&engine) {
            match item.ty {
                ComponentItem::ComponentFunc(_) => {
                    let function = format!("{interface}#{name}");
                    denied.func_new(name, move |_, _, _, _| {
                        Err(format_err!("this host does not provide {function}"))
                    })?;
                }
                ComponentItem::Resource(_) => {
                    denied.resource(name, ResourceType::host::<()>(), |_, _| Ok(()))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}
