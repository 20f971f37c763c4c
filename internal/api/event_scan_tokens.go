package api

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// The single values of an event, as eventScan reads them.

// numberDigitsMax bounds a number's text well below the decoder's limit.
const numberDigitsMax = 60

// number reads digits with at most one point and a sign.
func (s *eventScan) number() (string, bool) {
	start := s.at
	if s.at < len(s.body) && s.body[s.at] == '-' {
		s.at++
	}
	whole := s.digits()
	if whole == 0 || whole > 1 && s.body[s.at-whole] == '0' {
		return "", false
	}
	if s.at < len(s.body) && s.body[s.at] == '.' {
		s.at++
		if s.digits() == 0 {
			return "", false
		}
	}
	text := s.body[start:s.at]
	more := s.at < len(s.body) && (s.body[s.at]|0x20 == 'e')
	return text, !more && len(text) <= numberDigitsMax
}

func (s *eventScan) digits() int {
	start := s.at
	for s.at < len(s.body) && s.body[s.at]-'0' <= 9 {
		s.at++
	}
	return s.at - start
}

// plain are the bytes of a text that stand for themselves and need no look at their neighbours.
var plain = func() (table [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

// text reads a string without escapes. It is a part of the body's copy.
func (s *eventScan) text() (string, bool) {
	if !s.take('"') {
		return "", false
	}
	rest := s.body[s.at:]
	i := 0
	for i < len(rest) && plain[rest[i]] {
		i++
	}
	if i < len(rest) && rest[i] == '"' {
		s.at += i + 1
		return rest[:i], true
	}
	return s.wideText(rest, i)
}

// wideText goes on with a text that may hold more than ASCII.
func (s *eventScan) wideText(rest string, i int) (string, bool) {
	for i < len(rest) && (plain[rest[i]] || rest[i] >= utf8.RuneSelf) {
		i++
	}
	if i == len(rest) || rest[i] != '"' {
		return "", false
	}
	s.at += i + 1
	return rest[:i], utf8.ValidString(rest[:i])
}

// name reads the name of a member that must come next.
func (s *eventScan) name(want string) bool {
	key, ok := s.text()
	return ok && key == want && s.take(':')
}

// word reads a literal if it comes next. What follows it is judged by whoever reads on.
func (s *eventScan) word(word string) bool {
	s.space()
	if !strings.HasPrefix(s.body[s.at:], word) {
		return false
	}
	s.at += len(word)
	return true
}

// take reads one character if it comes next, after white space.
func (s *eventScan) take(c byte) bool {
	if s.at < len(s.body) && s.body[s.at] == c {
		s.at++
		return true
	}
	s.space()
	if s.at < len(s.body) && s.body[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *eventScan) space() {
	for s.at < len(s.body) {
		switch s.body[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

func (s *eventScan) end() bool {
	s.space()
	return s.at == len(s.body)
}

// time reads a time of the form 2026-01-31T12:00:00Z, with or without a fraction.
func (s *eventScan) time(text string) (ledger.Time, bool) {
	const shape = "0000-00-00T00:00:00"
	if len(text) <= len(shape) || text[len(text)-1] != 'Z' {
		return 0, false
	}
	for i := range len(shape) {
		if c := text[i]; shape[i] != '0' && c != shape[i] || shape[i] == '0' && c-'0' > 9 {
			return 0, false
		}
	}
	micros, ok := scanFraction(text[len(shape) : len(text)-1])
	hour, minute, second := pair(text, 11), pair(text, 14), pair(text, 17)
	if !ok || hour > 23 || minute > 59 || second > 59 || !s.setDay(text[:len("0000-00-00")]) {
		return 0, false
	}
	return ledger.Time(s.dayStart + (hour*3600+minute*60+second)*1e6 + micros), true
}

// setDay finds the start of a day. Neighbouring events are mostly of the same one.
func (s *eventScan) setDay(text string) bool {
	if s.day == text {
		return true
	}
	year, month, day := 100*pair(text, 0)+pair(text, 2), pair(text, 5), pair(text, 8)
	start := time.Date(int(year), time.Month(month), int(day), 0, 0, 0, 0, time.UTC)
	if year < 1971 || int64(start.Month()) != month || int64(start.Day()) != day {
		return false
	}
	s.day, s.dayStart = text, start.UnixMicro()
	return true
}

func pair(text string, i int) int64 { return int64(text[i]-'0')*10 + int64(text[i+1]-'0') }

// scanFraction reads the fraction of a second, cut after the microseconds.
func scanFraction(text string) (micros int64, ok bool) {
	if text == "" {
		return 0, true
	}
	if text[0] != '.' || len(text) == 1 || len(text) > 10 {
		return 0, false
	}
	for i := 1; i < 7; i++ {
		micros *= 10
		if i < len(text) {
			micros += int64(text[i] - '0')
		}
	}
	for i := 1; i < len(text); i++ {
		if text[i]-'0' > 9 {
			return 0, false
		}
	}
	return micros, true
}
