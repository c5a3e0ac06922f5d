// hmac.mqh - HMAC-SHA256 (RFC 2104) on the terminal's SHA-256, FNV-1a-64, and hex.

#define HMAC_BLOCK   64
#define HMAC_IPAD    0x36
#define HMAC_OPAD    0x5C
#define FNV_OFFSET   0xCBF29CE484222325
#define FNV_PRIME    0x00000100000001B3

// The bytes of a text; StringToCharArray would leave its NUL at the end.
void BytesOf(const string text, uchar &bytes[])
{
	ArrayResize(bytes, 0);
	int count = StringToCharArray(text, bytes, 0, WHOLE_ARRAY, CP_UTF8);
	if(count > 0 && bytes[count - 1] == 0)
		count--;
	ArrayResize(bytes, count > 0 ? count : 0);
}

bool Sha256(const uchar &bytes[], uchar &digest[])
{
	uchar nothing[];
	ArrayResize(digest, 0);
	ArrayResize(nothing, 0);
	return CryptEncode(CRYPT_HASH_SHA256, bytes, nothing, digest) == 32;
}

// One of the two passes: SHA-256 of the padded key and the text.
bool HmacPass(const uchar &block[], const uchar pad, const uchar &text[], uchar &digest[])
{
	uchar joined[];
	int length = ArraySize(text);
	ArrayResize(joined, HMAC_BLOCK + length);
	for(int i = 0; i < HMAC_BLOCK; i++)
		joined[i] = (uchar)(block[i] ^ pad);
	for(int i = 0; i < length; i++)
		joined[HMAC_BLOCK + i] = text[i];
	return Sha256(joined, digest);
}

bool HmacSha256(const uchar &key[], const uchar &text[], uchar &digest[])
{
	uchar block[];
	uchar inner[];
	int length = ArraySize(key);
	if(length > HMAC_BLOCK)
	{
		if(!Sha256(key, block))
			return false;
	}
	else
	{
		ArrayResize(block, length);
		for(int i = 0; i < length; i++)
			block[i] = key[i];
	}
	length = ArraySize(block);
	ArrayResize(block, HMAC_BLOCK);
	for(int i = length; i < HMAC_BLOCK; i++)
		block[i] = 0;
	if(!HmacPass(block, HMAC_IPAD, text, inner))
		return false;
	return HmacPass(block, HMAC_OPAD, inner, digest);
}

ushort HexDigit(const int value)
{
	return StringGetCharacter("0123456789abcdef", value);
}

string HexOfBytes(const uchar &bytes[], const int count)
{
	string hex = "";
	for(int i = 0; i < count; i++)
	{
		hex += ShortToString(HexDigit(bytes[i] >> 4));
		hex += ShortToString(HexDigit(bytes[i] & 15));
	}
	return hex;
}

// 16 digits.
string HexOfHash(const ulong hash)
{
	string hex = "";
	for(int shift = 60; shift >= 0; shift -= 4)
		hex += ShortToString(HexDigit((int)((hash >> shift) & 15)));
	return hex;
}

ulong Fnv1a(const string text)
{
	uchar bytes[];
	ulong hash = FNV_OFFSET;
	BytesOf(text, bytes);
	int length = ArraySize(bytes);
	for(int i = 0; i < length; i++)
	{
		hash ^= (ulong)bytes[i];
		hash *= FNV_PRIME;
	}
	return hash;
}

// The proof of a hello: the token never travels.
string HelloMac(const string token, const string nonce, const string id, const long epoch)
{
	uchar key[];
	uchar text[];
	uchar digest[];
	BytesOf(token, key);
	BytesOf(nonce + "|" + id + "|" + IntegerToString(epoch), text);
	if(!HmacSha256(key, text, digest))
		return "";
	return HexOfBytes(digest, 16);
}
