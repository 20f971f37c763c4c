package strictjson

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// Text reads a string. Its bytes point into the body unless it has escapes.
func (s *Scanner) Text() []byte {
	if !s.want(String) {
		return nil
	}
	return s.text(TextBytesMax)
}

// text reads a string that is known to begin here, of at most so many bytes.
func (s *Scanner) text(bytesMax int) []byte {
	start := s.pos + 1
	plain := true
	i := start
	for ; i < len(s.data); i++ {
		c := s.data[i]
		if c == '"' {
			break
		}
		if c == '\\' {
			plain = false
			i++
		} else if c < ' ' {
			s.pos = i
			s.syntax()
			return nil
		}
	}
	if i >= len(s.data) {
		s.pos = len(s.data)
		s.syntax()
		return nil
	}
	raw := s.data[start:i]
	s.pos = i + 1
	if !utf8.Valid(raw) {
		s.Failf("is not valid UTF-8")
		return nil
	}
	if !plain {
		raw = s.unescape(raw)
	}
	if len(raw) > bytesMax {
		s.Failf(messageLimits, bytesMax)
		return nil
	}
	return raw
}

// unescape resolves the escapes of a string.
func (s *Scanner) unescape(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return append(out, raw...)
		}
		out = append(out, raw[:i]...)
		r, size := escaped(raw[i:])
		if size == 0 {
			s.Failf(`holds a \ that begins no valid character`)
			return nil
		}
		if r == 0 {
			s.Failf("holds NUL, which is not allowed")
			return nil
		}
		out = utf8.AppendRune(out, r)
		raw = raw[i+size:]
	}
}

// escapes are the characters behind a backslash that stand for one.
var escapes = [256]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escaped reads one escape. The size is 0 if it is not one, and for half a surrogate pair.
func escaped(raw []byte) (r rune, size int) {
	if len(raw) < 2 {
		return 0, 0
	}
	if raw[1] != 'u' {
		if r = escapes[raw[1]]; r == 0 {
			return 0, 0
		}
		return r, 2
	}
	r, ok := hex4(raw[2:])
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(raw) < 12 || raw[6] != '\\' || raw[7] != 'u' {
		return 0, 0
	}
	low, ok := hex4(raw[8:])
	if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

func hex4(raw []byte) (rune, bool) {
	if len(raw) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range raw[:4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
