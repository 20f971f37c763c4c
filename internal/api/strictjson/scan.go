package strictjson

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Bounds of what is read, beside the size of the body.
const (
	DepthMax      = 32    // arrays and objects inside each other
	KeyBytesMax   = 1020  // 255 characters of four bytes
	TextBytesMax  = 16384 // longer than any text we keep, shorter than a body
	NumberMax     = 64    // characters of a number; the longest amount has 26
	ListMax       = 10000 // elements of an array or members of an object
	pathBytesMax  = 200   // of an error's path; a path holds the caller's own keys
	pathKeyShown  = 40    // bytes of a key that an error's path shows
	messageLimits = "is too long; at most %d are allowed"
)

// Error says what is wrong with a body and where. Path is empty when the body as a whole is meant.
type Error struct {
	Path    string // as in events[3].dimensions.x
	Message string // completes the sentence that the path begins
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Message
	}
	return e.Path + " " + e.Message
}

// Kind is what sort of value comes next.
type Kind uint8

// The kinds of value. None means that the text is broken or at its end.
const (
	None Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

var kindNames = [...]string{"nothing", "null", "a boolean", "a number", "a string", "a list", "an object"}

// String names the kind for an error message.
func (k Kind) String() string { return kindNames[k] }

// Scanner reads one JSON value token by token. After the first error every method returns the zero value and More returns
// false, so callers check Err once, at the end. Slices and texts that it returns may point into the body.
type Scanner struct {
	data   []byte
	pos    int
	depth  int
	frames [DepthMax + 1]frame
	err    *Error
}

// frame is one open array or object.
type frame struct {
	key   []byte // of the member being read, in an object
	count int    // values begun
	array bool
}

// NewScanner starts at the beginning of a body.
func NewScanner(data []byte) *Scanner { return &Scanner{data: data} }

// Err returns the first error as an *Error, or nil.
func (s *Scanner) Err() error {
	if s.err == nil {
		return nil
	}
	return s.err
}

// Failf stops the scanner with an error at the present path. The first error stays.
func (s *Scanner) Failf(format string, args ...any) {
	if s.err == nil {
		s.err = &Error{Path: s.Path(), Message: fmt.Sprintf(format, args...)}
	}
}

// failMember is Failf for a member of the object that was just read to its end.
func (s *Scanner) failMember(name, message string) {
	if s.err != nil {
		return
	}
	path := s.Path()
	if path != "" {
		path += "."
	}
	s.err = &Error{Path: path + name, Message: message}
}

// Path is where the scanner stands: the members and indexes that lead to the value being read.
func (s *Scanner) Path() string {
	var b []byte
	for i := 1; i <= s.depth && len(b) < pathBytesMax; i++ {
		f := &s.frames[i]
		switch {
		case f.array && f.count > 0:
			b = append(b, '[')
			b = strconv.AppendInt(b, int64(f.count-1), 10)
			b = append(b, ']')
		case !f.array && f.key != nil:
			if len(b) > 0 {
				b = append(b, '.')
			}
			b = append(b, shown(f.key)...)
		}
	}
	return string(b)
}

// shown is a key as an error may repeat it.
func shown(key []byte) []byte {
	clipped := key[:min(len(key), pathKeyShown)]
	return bytes.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError {
			return -1
		}
		return r
	}, clipped)
}

// Kind tells what comes next without reading it.
func (s *Scanner) Kind() Kind {
	switch c := s.peek(); {
	case c == '{':
		return Object
	case c == '[':
		return Array
	case c == '"':
		return String
	case c == '-' || c >= '0' && c <= '9':
		return Number
	case c == 't' || c == 'f':
		return Bool
	case c == 'n':
		return Null
	}
	return None
}

// peek skips white space and returns the next byte, or 0 at the end or after an error.
func (s *Scanner) peek() byte {
	if s.err != nil {
		return 0
	}
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// want checks the kind of the next value.
func (s *Scanner) want(k Kind) bool {
	got := s.Kind()
	if got == k {
		return true
	}
	if got == None {
		s.syntax()
	} else {
		s.Failf("must be %s, not %s", k, got)
	}
	return false
}

// syntax fails because the text is not JSON here.
func (s *Scanner) syntax() {
	if s.pos >= len(s.data) {
		s.Failf("is cut short: the JSON text ends too early")
		return
	}
	s.Failf("is not valid JSON at byte %d", s.pos)
}

// BeginObject reads the start of an object. Read its members while More, each with Key and then one value.
func (s *Scanner) BeginObject() bool { return s.want(Object) && s.push(false) }

// BeginArray reads the start of an array. Read its elements while More.
func (s *Scanner) BeginArray() bool { return s.want(Array) && s.push(true) }

func (s *Scanner) push(array bool) bool {
	if s.depth == DepthMax {
		s.Failf("is nested too deeply; at most %d levels are allowed", DepthMax)
		return false
	}
	s.pos++
	s.depth++
	s.frames[s.depth] = frame{array: array}
	return true
}

// More tells whether the open array or object has another value, and reads its end if not.
func (s *Scanner) More() bool {
	c := s.peek()
	if s.err != nil || s.depth == 0 {
		return false
	}
	f := &s.frames[s.depth]
	if c == '}' && !f.array || c == ']' && f.array {
		s.pos++
		s.depth--
		return false
	}
	if f.count > 0 {
		if c != ',' {
			s.syntax()
			return false
		}
		s.pos++
	}
	if f.count++; f.count > ListMax {
		s.Failf("has too many entries; at most %d are allowed", ListMax)
		return false
	}
	return true
}

// Index is the position of the element being read in the innermost array or object, from 0.
func (s *Scanner) Index() int { return s.frames[s.depth].count - 1 }

// Key reads the name of a member and its colon. It is valid until the next call that reads a text.
func (s *Scanner) Key() []byte {
	s.frames[s.depth].key = nil
	if s.peek() != '"' {
		if s.err == nil {
			s.syntax()
		}
		return nil
	}
	key := s.text(KeyBytesMax)
	if s.err != nil {
		return nil
	}
	s.frames[s.depth].key = key
	if s.peek() != ':' {
		s.syntax()
		return nil
	}
	s.pos++
	return key
}

// Null reads null if it comes next, and tells whether it did.
func (s *Scanner) Null() bool { return s.Kind() == Null && s.literal("null") }

// Bool reads true or false.
func (s *Scanner) Bool() bool {
	if !s.want(Bool) {
		return false
	}
	if s.data[s.pos] == 't' {
		return s.literal("true")
	}
	s.literal("false")
	return false
}

func (s *Scanner) literal(word string) bool {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
		s.syntax()
		return false
	}
	s.pos += len(word)
	return true
}

// Number reads a number and returns its literal text.
func (s *Scanner) Number() []byte {
	if !s.want(Number) {
		return nil
	}
	start := s.pos
	for s.pos < len(s.data) && isNumberByte(s.data[s.pos]) {
		s.pos++
	}
	lit := s.data[start:s.pos]
	if len(lit) > NumberMax {
		s.Failf(messageLimits, NumberMax)
		return nil
	}
	if !validNumber(lit) {
		s.pos = start
		s.syntax()
		return nil
	}
	return lit
}

func isNumberByte(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// validNumber checks the grammar of RFC 8259.
func validNumber(lit []byte) bool {
	lit = bytes.TrimPrefix(lit, []byte("-"))
	whole := digits(lit)
	if whole == 0 || whole > 1 && lit[0] == '0' {
		return false
	}
	lit = lit[whole:]
	if len(lit) > 0 && lit[0] == '.' {
		fraction := digits(lit[1:])
		if fraction == 0 {
			return false
		}
		lit = lit[1+fraction:]
	}
	if len(lit) > 0 && (lit[0] == 'e' || lit[0] == 'E') {
		lit = lit[1:]
		if len(lit) > 0 && (lit[0] == '+' || lit[0] == '-') {
			lit = lit[1:]
		}
		return digits(lit) == len(lit) && len(lit) > 0
	}
	return len(lit) == 0
}

// digits counts the leading digits.
func digits(lit []byte) int {
	n := 0
	for n < len(lit) && lit[n] >= '0' && lit[n] <= '9' {
		n++
	}
	return n
}

// End checks that nothing but white space follows the value.
func (s *Scanner) End() error {
	if s.err == nil && s.peek() != 0 || s.err == nil && s.pos < len(s.data) {
		s.Failf("only one JSON value is allowed, and there is more at byte %d", s.pos)
	}
	return s.Err()
}
