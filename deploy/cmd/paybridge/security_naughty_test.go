package main

import "strings"

// naughtyTexts are texts that have broken somebody's program, in the spirit of the
// Big List of Naughty Strings: subjects of the bus, injections into everything,
// and Unicode at its worst. All are valid UTF-8.
func naughtyTexts() []string {
	texts := []string{
		// The bus: subjects, wildcards, its own namespaces, its protocol.
		">", "*", "charge.*", "charge.>", "a..b", ".a", "a.", ".", "..", "...", " a", "a ", "a b", "a\tb", "a\r\nPUB payments.x 0\r\n\r\n", "a\nb", "$SYS.x", "$JS.API.STREAM.DELETE.WEBHOOKS", "_INBOX.x", "$KV.x", "payments.pik.payin.confirmed.x",
		"=", "==", "=~", "=2E", "=00", "~", "payment.confirmed", "payment.confirmed.", "PAYMENT.CONFIRMED", "payment confirmed", "payment\u00a0confirmed", "payment．confirmed", "NATS/1.0\r\nStatus: 503\r\n\r\n", "-ERR 'x'\r\n", strings.Repeat("a", 128), strings.Repeat("a", 129), strings.Repeat(".", 300), strings.Repeat("é", 80), strings.Repeat("a.", 90), strings.Repeat("=", 129),
		// Words of languages.
		"", "undefined", "undef", "null", "NULL", "(null)", "nil", "NIL", "true", "false", "True", "None", "hasOwnProperty", "then", "constructor", "\\", "\\\\", "0", "1", "-1", "1.00", "$1.00", "1/2", "1E2", "1E+02", "-1E2", "1/0", "0/0", "-2147483648/-1", "0..0", "0.0.0", "0,00", "0,,0", ",", "--1", "-", "-.", "-,", "NaN", "Infinity", "INF", "1#INF", "-1#IND", "0x0", "0xffffffff", "0xabad1dea", "123456789012345678901234567890123456789", "1,000.00", "1 000.00", "1'000.00", "01000", "08", "2.2250738585072011e-308", "012-345-678",
		// Punctuation and symbols.
		",./;'[]\\-=", "<>?:\"{}|_+", "!@#$%^&*()`~", "'", "\"", "''", "\"\"", "'\"'", "\"''''\"'\"", "Ω≈ç√∫˜µ≤≥÷", "åß∂ƒ©˙∆˚¬…æ", "¡™£¢∞§¶•ªº–≠", "⅛⅜⅝⅞", "ЁЂЃЄЅІЇ", "٠١٢٣٤٥٦٧٨٩", "⁰⁴⁵₀₁₂", "ด้้้้้็็็็็้้้้้็็็็็", "田中さんにあげて下さい", "社會科學院語學研究所", "울란바토르", "𠜎𠜱𠝹𠱓", "Ⱥ", "ヽ༼ຈل͜ຈ༽ﾉ", "(ﾉಥ益ಥ）ﾉ ┻━┻", "😍", "👩🏽", "👨\u200d🦰", "👾 🙇 💁 🙅", "🇺🇸🇷🇺🇸 🇦🇫", "１２３", "ثم نفس سقطت", "בְּרֵאשִׁית", "הָיְתָהtestالصفحات", "﷽", "مُنَاقَشَةُ", "᚛ᚄᚓᚐᚋᚒᚄ᚜", "Ṱ̺̺̕o͞ ̷i̲̬͇̪͙n̝̗͕v̟̜̘̦͟o̶̙̰̠kè͚̮̺̪̹̱̤", "˙ɐnbᴉlɐ", "Ｔｈｅ ｑｕｉｃｋ", "𝐓𝐡𝐞 𝐪𝐮𝐢𝐜𝐤", "🅣🅗🅔", "İ", "ı", "ſ", "ß", "ﬀ", "Å", "A\u030a",
		// Invisible ones.
		"\u00ad", "\u200b", "\u200e", "\u200f", "\u202a", "\u202e", "\u2066test\u2069", "\u2060", "\ufeff", "\ufffe", "\uffff", "\u2028", "\u2029", "\u0085", "\u180e", "\u3000", "\u00a0", "\U000e0001", "\U0010ffff", "\U0001f3f4\U000e0067", "\x00", "a\x00b", "\x01\x02\x03\x04\x05\x06\x07\x08", "\x0b\x0c\x0e\x0f", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x7f", "\u0080\u0081", "\r", "\n", "\r\n", "\t", " ", "\b\b\b", "\x04", "\x1a",
		// Injections.
		"<script>alert(0)</script>", "&lt;script&gt;", "<svg><script>0<1>alert(1)</script>", "\"><script>alert(1)</script>", "javascript:alert(1)", "<img src=x onerror=alert(1)>", "<!--#exec cmd=\"/bin/ls /\"-->", "1;DROP TABLE users", "1'; DROP TABLE users-- 1", "' OR 1=1 -- 1", "' OR '1'='1", "%", "_", "%00", "%s%s%s%n", "%d", "%v %!s(MISSING)", "%x%x%x", "{0}", "{{7*7}}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "${jndi:ldap://x/a}", "$HOME", "$(touch /x)", "`touch /x`", "; id", "| id", "&& id", "System(\"ls\")", "eval(\"x\")", "Kernel.exec(\"ls\")", "@{[system \"id\"]}", "/dev/null; id", "../../../../etc/passwd", "..\\..\\windows\\win.ini", "file:///etc/passwd", "http://169.254.169.254/", "\\\\server\\share", "CON", "PRN", "COM1", "=cmd|' /C calc'!A0", "=1+1", "+1+1", "@SUM(1)", "DDE(\"x\")", "(&(uid=*))", "*)(uid=*", "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"b\">]>", "!!python/object/apply:os.system", "() { :;}; echo", "\\u0000", "\\x00", "\\n", "\\", "\\\"", "]]>", "*/", "--", "//", "#", "';--", "GET / HTTP/1.1", "Nats-Rollup: all", "x\r\nNats-Rollup: all", "x\r\nNats-Msg-Id: y", "ce-id: x", "urn:evil", "data:text/html,x", "a@b", "a=b&c=d", "a;b", "a,b", "a|b", "__proto__", "prototype", "toString", "Scunthorpe General Hospital", "Linda Callahan", "But now...\x1b[20Cfor my greatest trick...\x1b[8m", "Roses are \x1b[0;31mred\x1b[0m", "Powerلُلُصّبُلُلصّبُررً ॣ ॣh ॣ ॣ冗", "🏳0🌈️", "జ్ఞ\u200cా", "گچپژ", "{% print 'x' * 64 * 1024**3 %}",
		// Personal data: outside of bodies it may be nowhere.
		canaryCPF, canaryPAN, canaryMail,
	}
	return texts
}
