//! Components that are hard on whoever looks at them or compiles them, made byte by byte: as text they would be
//! gigabytes. All of them are valid, or would be but for a limit, and answer as any other.

use bytes::Bytes;

use crate::guests;

/// `(func (param i64) (result i64))`, the only type.
const TYPE: &[u8] = b"\x01\x60\x01\x7e\x01\x7e";
const GET_PARAMETER: &[u8] = b"\x20\x00";

/// A number as WebAssembly writes it.
fn number(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn section(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind], &number(content.len())[..], content].concat()
}

/// A challenge that carries a core module of these sections, and never instantiates it.
fn carrying(sections: &[Vec<u8>]) -> Bytes {
    let module = [b"\0asm\x01\0\0\0", &sections.concat()[..]].concat();
    with(&section(1, &module))
}

/// A challenge with more at its end.
fn with(more: &[u8]) -> Bytes {
    [&guests::whole()[..], more].concat().into()
}

/// A module of so many functions, each with this body.
fn module_of(functions: usize, locals: &[u8], body: &[u8]) -> Vec<Vec<u8>> {
    let code = [locals, body, b"\x0b"].concat();
    let code = [number(code.len()), code].concat();
    vec![
        section(1, TYPE),
        section(3, &[number(functions), vec![0; functions]].concat()),
        section(10, &[number(functions), code.repeat(functions)].concat()),
    ]
}

/// One function whose body is so many bytes long.
pub(crate) fn long_function(bytes: usize) -> Bytes {
    let count_bits = b"\x20\x00\x7b\x21\x00";
    let body = [&count_bits.repeat(bytes / count_bits.len())[..], GET_PARAMETER].concat();
    carrying(&module_of(1, b"\0", &body))
}

/// Some thousand bytes of one function in which every variable may have come from everywhere.
pub(crate) fn tangled_function(variables: usize) -> Bytes {
    let mut body = Vec::new();
    for turn in 0..variables {
        let one = number(1 + turn * 7919 % variables);
        let other = number(1 + turn * 104_729 % variables);
        // loop { one += 1; other += one; if other goes on }
        let parts: [&[u8]; 14] = [
            b"\x03\x40\x20",
            &one,
            b"\x42\x01\x7c\x21",
            &one,
            b"\x20",
            &other,
            b"\x20",
            &one,
            b"\x7c\x21",
            &other,
            b"\x20",
            &other,
            b"\xa7\x0d\x00",
            b"\x0b",
        ];
        body.extend(parts.concat());
    }
    body.extend(GET_PARAMETER);
    for variable in 1..=variables {
        body.extend([b"\x20", &number(variable)[..], b"\x7c"].concat());
    }
    let locals = [b"\x01", &number(variables)[..], b"\x7e"].concat();
    carrying(&module_of(1, &locals, &body))
}

/// So many functions that do nothing.
pub(crate) fn functions(count: usize) -> Bytes {
    carrying(&module_of(count, b"\0", GET_PARAMETER))
}

/// A module with so many exports, all of the same function.
pub(crate) fn inner_exports(count: usize) -> Bytes {
    let mut exports = number(count);
    for name in (0..count).map(|export| format!("{export:x}")) {
        exports.extend([&number(name.len())[..], name.as_bytes(), b"\0\0"].concat());
    }
    let mut sections = module_of(1, b"\0", GET_PARAMETER);
    sections.insert(2, section(7, &exports));
    carrying(&sections)
}

/// A challenge that exports its first function so many times more, under names of this length.
pub(crate) fn outer_exports(count: usize, length: usize) -> Bytes {
    exporting(count, length, 1)
}

/// The same with an instance. A component may have a thousand.
pub(crate) fn outer_instances(count: usize) -> Bytes {
    exporting(count, 8, 5)
}

fn exporting(count: usize, length: usize, kind: u8) -> Bytes {
    let mut exports = number(count);
    for name in (0..count).map(|export| format!("a{export:0width$}", width = length - 1)) {
        exports.extend([b"\0", &number(name.len())[..], name.as_bytes(), &[kind], b"\0\0"].concat());
    }
    with(&section(11, &exports))
}

/// A module with so many types, no two alike.
pub(crate) fn types(count: usize) -> Bytes {
    let mut types = number(count);
    for mut number_of_it in 0..count {
        let mut parameters = Vec::new();
        while parameters.is_empty() || number_of_it > 0 {
            parameters.push(b"\x7f\x7e\x7d\x7c"[number_of_it % 4]);
            number_of_it /= 4;
        }
        types.extend([b"\x60", &number(parameters.len())[..], &parameters, b"\0"].concat());
    }
    carrying(&[section(1, &types)])
}

/// Components inside of components, so deep.
pub(crate) fn nested(depth: usize) -> Bytes {
    let empty = b"\0asm\x0d\0\x01\0";
    let mut inner = empty.to_vec();
    for _ in 0..depth {
        inner = [empty, &section(4, &inner)[..]].concat();
    }
    with(&section(4, &inner))
}

/// A tuple of tuples of tuples: each level is twice as large as the one before.
pub(crate) fn doubling_type(levels: usize) -> Bytes {
    let module = (0..levels)
        .map(|level| format!("(type $t{} (tuple $t{level} $t{level}))", level + 1))
        .collect::<String>();
    let text = format!("(component (type $t0 (tuple string string)) {module})");
    with(&section(4, &wat::parse_str(text).unwrap()))
}

/// A section of so many bytes that says nothing.
pub(crate) fn ballast(bytes: usize) -> Bytes {
    with(&section(0, &[b"\x01x", &vec![0; bytes][..]].concat()))
}
