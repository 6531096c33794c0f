"""What the faces write by hand of numbers and words that the core or julu.h says: held against it, and never written."""
import json
import re

import source

HEADER = 'bindings/c/include/julu.h'
JAVA = 'bindings/jni/java/cn/julu/core/'
SWIFT = 'bindings/swift/Sources/Julu/'

# The core's enum, where it is, and its prefix in julu.h; the others have it by the name given here.
ENUMS = [('SyncEnd', 'sync/include/julu/syncer.h', 'END', 'SyncEnd', 'JuluSync', 'SyncEnd'),
         ('LogLevel', 'core/include/julu/log.h', 'LOG', 'LogLevel', 'Julu', 'LogLevel'),
         ('Lang', 'core/include/julu/error.h', 'LANG', 'Lang', 'JuluError', 'MessageLanguage')]

# One number each: (where it is written, what finds it there, where it comes from, what finds it there).
NUMBERS = [
    (HEADER, r'JULU_KEY_BYTES = (\d+)', 'core/include/julu/identity.h', r'struct StoreKey : std::array<std::uint8_t, (\d+)>'),
    (JAVA + 'Native.java', r'int ABI = (\d+)', HEADER, r'define JULU_ABI_VERSION (\d+)'),
    (JAVA + 'Julu.java', r'int UNENCRYPTED = (\d+)', HEADER, r'JULU_UNENCRYPTED = (\d+)'),
    (JAVA + 'Callbacks.java', r'int NOT_NOW = (\d+)', HEADER, r'JULU_KEY_NOT_NOW = (\d+)'),
    (JAVA + 'Callbacks.java', r'int PATH = (\d+)', HEADER, r'JULU_PHOTO_PATH = (\d+)'),
    (JAVA + 'Callbacks.java', r'int DESCRIPTOR = (\d+)', HEADER, r'JULU_PHOTO_FD = (\d+)'),
    (JAVA + 'Callbacks.java', r'int STREAM = (\d+)', HEADER, r'JULU_PHOTO_STREAM = (\d+)'),
]


def plain(words):
    """Without comments."""
    return re.sub(r'/\*.*?\*/', '', re.sub(r'//.*', '', words), flags=re.S)


def counted(words):
    """{name: number} of `a, b = 5, c`, names in lower case without what separates their words. A number that is not
    given is one more than the last."""
    numbers, last = {}, -1
    for name, number in re.findall(r'(\w+)(?:\s*=\s*(\d+))?', words):
        last = int(number) if number else last + 1
        numbers[name.lower().replace('_', '')] = last
    return numbers


def cpp_numbers(path, name):
    return counted(re.search(rf'enum class {name}\b[^{{]*\{{([^}}]*)', plain(source.read(path))).group(1))


def c_numbers(prefix):
    found = re.findall(rf'\bJULU_{prefix}_(\w+) = (\d+)', plain(source.read(HEADER)))
    return {name.lower().replace('_', ''): int(number) for name, number in found}


def java_numbers(name):
    return counted(re.search(r'enum \w+ \{([^;}]*)', plain(source.read(f'{JAVA}{name}.java'))).group(1))


def swift_numbers(file, name):
    body = re.search(rf'enum {name}: \w+[^{{]*\{{(.*?)\}}', plain(source.read(f'{SWIFT}{file}.swift')), re.S).group(1)
    return counted(re.sub(r'\bcase\b', ',', body))


def in_comment(path, start):
    """The words that a comment lists after `start`."""
    text = source.read(path)
    return re.findall(r'\w+', re.search(r'[\w"|, ]+', text[text.index(start) + len(start):]).group())


def compared():
    """(where it is written, what stands there, where it comes from, what it has to be)"""
    for name, path, prefix, java, file, swift in ENUMS:
        there = cpp_numbers(path, name)
        yield f'{HEADER}: JULU_{prefix}_…', c_numbers(prefix), path, there
        yield f'Java {java}', java_numbers(java), path, there
        yield f'Swift {swift}', swift_numbers(file, swift), path, there
    path = 'core/include/julu/store.h'
    there = cpp_numbers(path, 'Delivery')
    yield f'{HEADER}: "delivery"', counted(', '.join(in_comment(HEADER, '"delivery": ')[:len(there)])), path, there
    of_filter = re.search(r'Result<Delivery> delivery_of.*?\n\}', source.read('bindings/c/src/json.cpp'), re.S).group()
    yield 'bindings/c/src/json.cpp', counted(', '.join(re.findall(r'Delivery::(\w+)', of_filter))), path, there
    yield 'Java Delivery', java_numbers('Delivery'), path, there
    yield 'Swift Delivery', swift_numbers('Records', 'Delivery'), path, there
    path = 'schema/codes/photo-role.json'
    there = [item['code'] for item in json.loads(source.read(path))['items']]
    yield f'{HEADER}: julu_photo.role', in_comment(HEADER, 'julu_text role; /**< '), path, there
    yield 'Java Photo.of', in_comment(JAVA + 'Photo.java', '/** `role`: '), path, there
    for written, find, path, find_there in NUMBERS:
        told, number = (re.search(pattern, source.read(at)) for at, pattern in ((written, find), (path, find_there)))
        yield f'{written}: {find}', told and int(told.group(1)), path, number and int(number.group(1))


def differences():
    """A sentence for each that does not say what its source says, or is not found."""
    return [f'{where} has {told}, and {path} has {there}' for where, told, path, there in compared()
            if told != there or there in (None, {}, [])]
