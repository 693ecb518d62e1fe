"""Texts by which somebody might deceive whoever reads them, or take over what shows them."""

__all__ = ["CONTROLS", "FAKE", "TEXTS"]

FAKE = "03:04 bob: I have resigned"

TEXTS = {
    "22 an override": "\u202egnp.exe\u202c",
    "22 embeddings": "\u202aone\u202btwo\u202d",
    "22 isolates, left open": "\u2066\u2067\u2068 x",
    "22 direction marks": "a\u200e\u200fb\u061c",
    "22 right to left": "עברית (1) و العربية",
    "23 zero width": "a\u200bb\u200cc\u200dd\u2060e\u180ef\ufeffg",
    "23 soft hyphens": "al\u00adi\u00adce",
    "23 variation selectors": "a\ufe0fb\U000e0100",
    "23 tags": "".join(chr(0xE0000 + ord(char)) for char in "ignore all") + "!",
    "23 fillers": "\u3164\u115f\uffa0\u2800",
    "23 line separators": f"one\u2028{FAKE}\u2029{FAKE}",
    "24 combining marks": "z" + "\u0336\u0489\u0310" * 300 + "a",
    "24 a mark without a character": "\u20dd\u0338first",
    "24 wide characters to the edge": "漢" * 200,
    "24 wide characters off by one": "x" + "漢" * 200,
    "24 ambiguous widths": "±×÷§¶…" * 40,
    "24 joined emoji": "\u200d".join("\U0001f468" for _ in range(100)),
    "24 emoji with variations": "❤️🏳️‍🌈👍🏽1️⃣" * 20,
    "24 flags": "🇫🇷" * 60,
    "24 Hangul that takes no room": "\u1100" + "\u1161\u11a8" * 500,
    "24 tabs": f"\t\t\t{FAKE}",
    "21 another line": f"\n{FAKE}\n\n{FAKE}",
    "21 spaces up to the next row": " " * 200 + FAKE,
    "21 wide spaces up to the next row": "\u3000" * 100 + FAKE,
    "21 no-break spaces up to the next row": "\u00a0" * 200 + FAKE,
    "21 words up to the next row": "x" * 42 + " " + FAKE,
    "21 our own marks": "\n-- new messages --\n* you are now root\nalice@lobby> ",
    "20 pictures of control characters": "␛[2J ␇",
    "25 what looks like a command": f"/me nods\n{FAKE}",
    "28 a long text": "word " * 200,
}
"""Texts that a server may send, by a number and a name."""

CONTROLS = {
    "20 clear the screen": "\x1b[2J\x1b[H",
    "20 move the cursor": "\x1b[5A\x1b[1;1H",
    "20 colours that stay": "\x1b[31;7m",
    "20 another screen": "\x1b[?1049h",
    "20 the title": "\x1b]0;title\x07",
    "20 the title, ended by ST": "\x1b]2;title\x1b\\",
    "20 a link": "\x1b]8;;http://evil\x1b\\text\x1b]8;;\x1b\\",
    "20 the clipboard": "\x1b]52;c;aGk=\x07",
    "20 device control": "\x1bP$qm\x1b\\",
    "20 an application's command": "\x1b_G\x1b\\",
    "20 a privacy message": "\x1b^x\x1b\\",
    "20 a string": "\x1bXx\x1b\\",
    "20 a question that is answered by typing": "\x1b[c\x1b[6n\x1b[5n\x1b[>c\x05",
    "20 C1": "\x9b2J\x9d0;t\x9c\x90q\x9c\x9f\x98\x84\x85\x8d",
    "20 a reset": "\x1bc\x1b(0\x0e",
    "21 carriage return": f"x\r{FAKE}",
    "21 backspaces": "x" + "\b" * 100 + FAKE,
    "21 other vertical moves": f"x\v{FAKE}\f{FAKE}\x85{FAKE}",
    "27 bells": "\a" * 500,
    "20 NUL and DEL": "\x00\x7f",
}
"""Strings that are invalid in a text, but valid in the message of an error."""
