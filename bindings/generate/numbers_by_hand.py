"""What the faces write by hand of julu.h's numbers: held against it, and never written."""
import re

import source

# JULU_<name>_…: (Java's enum, Swift's file, Swift's enum)
ENUMS = {'END': ('SyncEnd', 'JuluSync', 'SyncEnd'), 'LOG': ('LogLevel', 'Julu', 'LogLevel'),
         'LANG': ('Lang', 'JuluError', 'MessageLanguage')}


def c_numbers(prefix):
    """{name: number}, names in lower case without what separates their words."""
    found = re.findall(rf'\bJULU_{prefix}_(\w+) = (\d+)', source.read('bindings/c/include/julu.h'))
    return {name.lower().replace('_', ''): int(number) for name, number in found}


def counted(words):
    """Of `a, b = 5, c`: a number that is not given is one more than the last."""
    numbers, last = {}, -1
    for name, number in re.findall(r'(\w+)(?:\s*=\s*(\d+))?', words):
        last = int(number) if number else last + 1
        numbers[name.lower().replace('_', '')] = last
    return numbers


def java_numbers(name):
    text = re.sub(r'//.*', '', source.read(f'bindings/jni/java/cn/julu/core/{name}.java'))
    return counted(re.search(r'enum \w+ \{([^;}]*)', text).group(1))


def swift_numbers(file, name):
    body = re.search(rf'enum {name}: Int32[^{{]*\{{(.*?)\}}', source.read(f'bindings/swift/Sources/Julu/{file}.swift'), re.S)
    return counted(re.sub(r'\bcase\b', ',', body.group(1)))


def differences():
    """A sentence for each enum that does not say what julu.h says."""
    wrong = []
    for prefix, (java, file, swift) in ENUMS.items():
        numbers = c_numbers(prefix)
        for face, told in ((f'Java {java}', java_numbers(java)), (f'Swift {swift}', swift_numbers(file, swift))):
            if told != numbers or not numbers:
                wrong.append(f'{face} has {told}, and julu.h has {numbers} for JULU_{prefix}_…')
    return wrong
