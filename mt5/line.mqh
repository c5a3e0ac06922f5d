// line.mqh - one line of the wire read apart, and values escaped and unescaped.
//
// In values the bytes 0x00-0x20, '%', '=' and 0x7F stand as %XX; the rest is UTF-8.

struct WeirLine
{
	string verb;
	long   seq;
	int    count;
	string keys[WEIR_FIELDS_MAX];
	string values[WEIR_FIELDS_MAX];  // as sent
};

bool IsDigits(const string text)
{
	int length = StringLen(text);
	for(int i = 0; i < length; i++)
	{
		ushort c = StringGetCharacter(text, i);
		if(c < '0' || c > '9')
			return false;
	}
	return length > 0 && length < 20;
}

string Escaped(const string text)
{
	uchar bytes[];
	uchar out[];
	string hex = "0123456789ABCDEF";
	BytesOf(text, bytes);
	int length = ArraySize(bytes);
	int used = 0;
	if(length > WEIR_VALUE_MAX)
	{
		length = WEIR_VALUE_MAX;
		// A character of several bytes is not cut in two.
		while(length > 0 && (bytes[length] & 0xC0) == 0x80)
			length--;
	}
	ArrayResize(out, 3 * length + 1);
	for(int i = 0; i < length; i++)
	{
		uchar c = bytes[i];
		if(c > 0x20 && c != '%' && c != '=' && c != 0x7F)
		{
			out[used++] = c;
			continue;
		}
		out[used++] = (uchar)'%';
		out[used++] = (uchar)StringGetCharacter(hex, c >> 4);
		out[used++] = (uchar)StringGetCharacter(hex, c & 15);
	}
	return (used > 0) ? CharArrayToString(out, 0, used, CP_UTF8) : "";
}

int HexValue(const uchar c)
{
	if(c >= '0' && c <= '9')
		return c - '0';
	if(c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if(c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool Unescaped(const string value, string &text)
{
	uchar bytes[];
	BytesOf(value, bytes);
	int length = ArraySize(bytes);
	int used = 0;
	for(int i = 0; i < length; i++)
	{
		if(bytes[i] != '%')
		{
			bytes[used++] = bytes[i];
			continue;
		}
		if(i + 2 >= length)
			return false;
		int high = HexValue(bytes[i + 1]);
		int low = HexValue(bytes[i + 2]);
		if(high < 0 || low < 0)
			return false;
		bytes[used++] = (uchar)(high * 16 + low);
		i += 2;
	}
	text = (used > 0) ? CharArrayToString(bytes, 0, used, CP_UTF8) : "";
	return true;
}

int LineFind(const WeirLine &line, const string key)
{
	for(int i = 0; i < line.count; i++)
		if(line.keys[i] == key)
			return i;
	return -1;
}

bool LineAdd(WeirLine &line, const string field)
{
	int at = StringFind(field, "=");
	string text = "";
	if(at < 1 || at > 8 || line.count == WEIR_FIELDS_MAX)
		return false;
	string key = StringSubstr(field, 0, at);
	string value = StringSubstr(field, at + 1);
	if(LineFind(line, key) >= 0 || StringFind(value, "=") >= 0 || !Unescaped(value, text))
		return false;
	line.keys[line.count] = key;
	line.values[line.count] = value;
	line.count++;
	return true;
}

// False: not a frame at all.
bool LineParse(const string text, WeirLine &line)
{
	string parts[];
	int count = StringSplit(text, ' ', parts);
	line.verb = "";
	line.seq = 0;
	line.count = 0;
	if(count < 2 || StringLen(parts[0]) != 1 || !IsDigits(parts[1]))
		return false;
	line.verb = parts[0];
	line.seq = StringToInteger(parts[1]);
	for(int i = 2; i < count; i++)
		if(!LineAdd(line, parts[i]))
			return false;
	return true;
}

bool LineHas(const WeirLine &line, const string key)
{
	return LineFind(line, key) >= 0;
}

string LineText(const WeirLine &line, const string key)
{
	int at = LineFind(line, key);
	string text = "";
	if(at >= 0 && Unescaped(line.values[at], text))
		return text;
	return "";
}

long LineInt(const WeirLine &line, const string key, const long absent)
{
	int at = LineFind(line, key);
	if(at < 0 || !IsDigits(line.values[at]))
		return absent;
	return StringToInteger(line.values[at]);
}

// For the terminal only, which takes volumes and prices as doubles; 0 when absent.
double LineNumber(const WeirLine &line, const string key)
{
	int at = LineFind(line, key);
	return (at >= 0) ? StringToDouble(line.values[at]) : 0.0;
}

// The fields again, as they came: what the journal keeps of a signal.
string LineBody(const WeirLine &line)
{
	string body = "";
	for(int i = 0; i < line.count; i++)
		body += " " + line.keys[i] + "=" + line.values[i];
	return body;
}
