"""The Swift face: ErrorCode, the roles of photos and one Codable struct for each record kind."""
import json
import re

import source

FOLDER = 'bindings/swift/Sources/Julu/Generated/'
KEYWORDS = {'as', 'break', 'case', 'class', 'default', 'do', 'else', 'enum', 'extension', 'false', 'for', 'func', 'if',
            'import', 'in', 'init', 'inout', 'internal', 'is', 'let', 'nil', 'operator', 'private', 'protocol', 'public',
            'repeat', 'return', 'self', 'static', 'struct', 'super', 'switch', 'throw', 'true', 'try', 'var', 'where', 'while'}
PLAIN = {'string': 'String', 'integer': 'Int', 'boolean': 'Bool'}
COLUMNS = 118


def camel(name):
    first, *rest = re.split(r'[_-]', name)
    return first + ''.join(word.capitalize() for word in rest)


def member(name):
    word = camel(name)
    return f'`{word}`' if word in KEYWORDS else word


def type_name(name):
    word = camel(name)
    return word[0].upper() + word[1:]


def wrapped(head, items, tail, indent):
    """`head`, items and `tail` on one line if it fits, else the items on lines of their own."""
    one = indent + head + ', '.join(items) + tail
    if len(one) <= COLUMNS:
        return [one]
    lines, line = [indent + head], ''
    for at, item in enumerate(items):
        piece = item + (', ' if at + 1 < len(items) else '')
        if line and len(indent) + 2 + len(line) + len(piece.rstrip()) > COLUMNS:
            lines.append(indent + '  ' + line.rstrip())
            line = ''
        line += piece
    return lines + [indent + '  ' + line.rstrip(), indent + tail]


class Field:
    def __init__(self, name, schema, required):
        self.key, self.name, self.schema, self.required = name, member(name), schema, required
        kind = schema['type']
        if kind == 'object':
            self.type = type_name(name)
        elif kind == 'array':
            self.type = f'[{PLAIN[schema["items"]["type"]]}]'
        else:
            self.type = type_name(name) if 'enum' in schema else PLAIN[kind]

    def comment(self):
        parts = [self.schema['x-title-zh'] + '. ' + self.schema['x-title'] + '.']
        if 'x-codes' in self.schema:
            parts.append(f'Codes: {self.schema["x-codes"]}.')
        if 'x-scale' in self.schema:
            parts.append(f'Times 10^{self.schema["x-scale"]}.')
        if 'x-ref' in self.schema:
            parts.append(f'The id of a record: {self.schema["x-ref"]}.')
        if self.schema.get('x-sensitive'):
            parts.append('Sensitive: shown masked, never logged.')
        return ' '.join(parts)


def open_enum(name, codes, title, indent):
    """Not a Swift enum: a code that this build does not know has to survive a round trip."""
    inner = indent + '  '
    lines = [f'{indent}/// {title}. One that is not listed here stays as it came.',
             f'{indent}public struct {name}: OpenCode {{']
    for code in codes:
        lines.append(f'{inner}public static let {member(code)} = {name}(rawValue: "{code}")')
    listed = [member(code) for code in codes]
    lines += wrapped(f'public static let known: [{name}] = [', listed, ']', inner)
    return lines + [f'{inner}public let rawValue: String', f'{inner}public init(rawValue: String) {{ self.rawValue = rawValue }}',
                    indent + '}']


def struct(name, schema, conforms, head, indent):
    inner, deep = indent + '  ', indent + '    '
    required = set(schema.get('required', []))
    order = sorted(schema['properties'].items(), key=lambda item: (item[0] not in required, item[1]['x-order']))
    fields = [Field(key, value, key in required) for key, value in order]
    lines = [f'{indent}/// {schema["x-title-zh"]}. {schema["x-title"]}.', f'{indent}public struct {name}: {conforms} {{'] + head
    for field in fields:
        lines += [f'{inner}/// {field.comment()}', f'{inner}public var {field.name}: {field.type}{"" if field.required else "?"}']
    lines += [f'{inner}/// What a newer schema has and this one does not.', f'{inner}public var other: [String: JSONValue]', '']
    parameters = [f'{f.name}: {f.type}' + ('' if f.required else '? = nil') for f in fields] + ['other: [String: JSONValue] = [:]']
    lines += wrapped('public init(', parameters, ') {', inner)
    lines += [f'{deep}self.{f.name.strip("`")} = {f.name}' for f in fields] + [f'{deep}self.other = other', inner + '}', '']
    lines += [f'{inner}public init(from decoder: any Decoder) throws {{',
              f'{deep}let fields = try decoder.container(keyedBy: FieldName.self)']
    lines += [f'{deep}{f.name} = try fields.{"decode" if f.required else "decodeIfPresent"}({f.type}.self, forKey: "{f.key}")'
              for f in fields]
    lines += [f'{deep}other = try fields.others(than: Self.names)', inner + '}', '']
    lines += [f'{inner}public func encode(to encoder: any Encoder) throws {{',
              f'{deep}var fields = encoder.container(keyedBy: FieldName.self)', f'{deep}try fields.encode(others: other)']
    lines += [f'{deep}try fields.{"encode" if f.required else "encodeIfPresent"}({f.name}, forKey: "{f.key}")' for f in fields]
    lines += [inner + '}', '']
    lines += wrapped('private static let names: Set<String> = [', [f'"{f.key}"' for f in fields], ']', inner)
    for field in fields:
        if field.schema['type'] == 'object':
            lines += [''] + struct(field.type, field.schema, 'RecordPart', [], inner)
        elif 'enum' in field.schema:
            title = field.schema['x-title-zh'] + '. ' + field.schema['x-title']
            lines += [''] + open_enum(field.type, field.schema['enum'], title, inner)
    return lines + [indent + '}']


def record(kind, schema):
    head = [f'  public static let kind = "{kind}"', '']
    lines = [f'// Generated by bindings/generate from schema/records/{kind}.schema.json.', 'import Foundation', '']
    return '\n'.join(lines + struct(type_name(kind), schema, 'RecordBody', head, '') + [''])


def error_codes():
    lines = ['// Generated by bindings/generate from core/include/julu/error.h. Numbers are permanent.', '',
             '/// Why a call failed.', 'public enum ErrorCode: Int32, Sendable, CaseIterable, Codable {']
    for name, number, meaning in source.error_codes():
        if number == 0:
            continue
        if meaning:
            lines.append('  /// ' + meaning)
        lines.append(f'  case {member(name)} = {number}')
    return '\n'.join(lines + ['}', ''])


def photo_roles():
    codes = [item['code'] for item in json.loads(source.read('schema/codes/photo-role.json'))['items']]
    lines = ['// Generated by bindings/generate from schema/codes/photo-role.json.', '']
    return '\n'.join(lines + open_enum('PhotoRole', codes, 'What a photo shows', '') + [''])


def files():
    made = {FOLDER + 'ErrorCode.swift': error_codes(), FOLDER + 'PhotoRole.swift': photo_roles()}
    for kind, schema in source.records():
        made[FOLDER + type_name(kind) + '.swift'] = record(kind, schema)
    return made
