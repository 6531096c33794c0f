#!/usr/bin/env python3
"""Makes src/domain/pinyin.inc from the transliterations of Unicode's CLDR (ICU's uconv, Debian's icu-devtools): the first
letter of each character of the block U+4E00 … U+9FA5, and those that begin otherwise as a surname."""
import pathlib
import subprocess

FIRST, LAST = 0x4E00, 0x9FA5


def letters(rules):
    lines = "".join(chr(code) + "\n" for code in range(FIRST, LAST + 1))
    made = subprocess.run(["uconv", "-f", "UTF-8", "-t", "UTF-8", "-x", rules + "; Latin-ASCII; Lower"], input=lines.encode(),
                          stdout=subprocess.PIPE, check=True)
    read = made.stdout.decode().split("\n")[: LAST - FIRST + 1]
    return [word[0] if word and "a" <= word[0] <= "z" else "-" for word in read]


def main():
    usual, surname = letters("Han-Latin"), letters("Han-Latin/Names")
    text = "".join(usual)
    out = ["// Made by core/pinyin.py from transliterations of the Unicode CLDR (Unicode licence, SPDX Unicode-3.0).", "constexpr char kInitials[] ="]
    out += [f'    "{text[at:at + 112]}"' for at in range(0, len(text), 112)]
    out[-1] += ";"
    out.append("constexpr struct {")
    out.append("  char32_t character;")
    out.append("  char initial;")
    out.append("} kSurnames[] = {")
    other = [(FIRST + at, letter) for at, letter in enumerate(surname) if letter not in ("-", usual[at])]
    out += [f"    {{0x{code:04X}, '{letter}'}},  // {chr(code)}" for code, letter in other]
    out.append("};")
    path = pathlib.Path(__file__).parent / "src/domain/pinyin.inc"
    path.write_text("\n".join(out) + "\n", encoding="utf-8")


main()
