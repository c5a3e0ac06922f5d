"""Money as integers of 10^-8 (prices, quantities) and 10^-16 (their products), and the
hashes that make the world the same for the same seed."""
import hashlib

E8 = 10 ** 8
MASK = (1 << 64) - 1


def parse8(text):
    """Decimal text to units of 10^-8; more digits than eight are refused."""
    whole, _, part = text.partition('.')
    if len(part) > 8:
        part = part.rstrip('0')
        if len(part) > 8:
            raise ValueError(f'{text}: more than 8 decimals')
    return int(whole or '0') * E8 + int(part.ljust(8, '0'))


def fixed(value, places):
    """Units of 10^-8 with exactly so many decimals; what is finer is cut off."""
    if places == 8:
        return f'{value // E8}.{value % E8:08d}'
    value //= 10 ** (8 - places)
    if not places:
        return str(value)
    one = 10 ** places
    return f'{value // one}.{value % one:0{places}d}'


def bare(value, places=8):
    """Units of 10^-places without zeros at the end."""
    one = 10 ** places
    text = f'{value // one}.{value % one:0{places}d}'.rstrip('0')
    return text[:-1] if text.endswith('.') else text


def decimals_of(step):
    """How many decimals a step in units of 10^-8 needs."""
    places = 8
    while places and step % 10 == 0:
        step //= 10
        places -= 1
    return places


def mix64(x):
    """splitmix64: a cheap hash of an integer."""
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def key_of(*parts):
    """A 64-bit key of a few words and numbers, the same in every process."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), 'big')
