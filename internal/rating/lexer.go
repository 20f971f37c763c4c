package rating

import (
	"fmt"
	"strings"
)

// tokenKind is the lexical class of a token. Symbols and the words and, or and not have their own text as class.
type tokenKind string

const (
	tokenEnd        tokenKind = "the end of the formula"
	tokenNumber     tokenKind = "a number"
	tokenString     tokenKind = "a text"
	tokenName       tokenKind = "a name"
	tokenQuotedName tokenKind = "a quoted name"
)

// token is one word of a formula.
type token struct {
	kind   tokenKind
	text   string // the content, without quotes
	offset int
}

// symbols in the order in which they are tried: longer ones before their beginnings.
var symbols = []string{"<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "(", ")", ","}

// lexer cuts a formula into tokens.
type lexer struct {
	src string
	at  int
}

// next returns the token at the current place and moves behind it. At the end it returns tokenEnd for ever.
func (l *lexer) next() (token, *SyntaxError) {
	for l.at < len(l.src) && strings.IndexByte(" \t\r\n", l.src[l.at]) >= 0 {
		l.at++
	}
	if l.at == len(l.src) {
		return token{kind: tokenEnd, offset: l.at}, nil
	}
	switch c := l.src[l.at]; {
	case isDigit(c):
		return l.number(), nil
	case isNameStart(c):
		return l.name(), nil
	case c == '`':
		return l.quotedName()
	case c == '"' || c == '\'':
		return l.quotedText(c)
	}
	for _, s := range symbols {
		if strings.HasPrefix(l.src[l.at:], s) {
			l.at += len(s)
			return token{kind: tokenKind(s), text: s, offset: l.at - len(s)}, nil
		}
	}
	r := []rune(l.src[l.at:min(l.at+4, len(l.src))])[0]
	return token{}, l.errorf(l.at, "unexpected %q", r)
}

// number takes what looks like a number; whether it is one, parseNumber decides.
func (l *lexer) number() token {
	start := l.at
	for ; l.at < len(l.src); l.at++ {
		c := l.src[l.at]
		afterE := l.src[l.at-min(l.at, 1)]|0x20 == 'e'
		if !isDigit(c) && !isNameStart(c) && c != '.' && !(afterE && l.at > start && (c == '+' || c == '-')) {
			break
		}
	}
	return token{kind: tokenNumber, text: l.src[start:l.at], offset: start}
}

func (l *lexer) name() token {
	start := l.at
	for l.at < len(l.src) && (isNameStart(l.src[l.at]) || isDigit(l.src[l.at])) {
		l.at++
	}
	text := l.src[start:l.at]
	switch text {
	case "and", "or", "not":
		return token{kind: tokenKind(text), text: text, offset: start}
	}
	return token{kind: tokenName, text: text, offset: start}
}

func (l *lexer) quotedName() (token, *SyntaxError) {
	start := l.at
	length := strings.IndexByte(l.src[start+1:], '`')
	if length < 1 {
		return token{}, l.errorf(start, "a name in backquotes must be closed and not empty")
	}
	l.at = start + 1 + length + 1
	return token{kind: tokenQuotedName, text: l.src[start+1 : l.at-1], offset: start}, nil
}

// quotedText reads a text. A backslash stands before a quote or a backslash that is part of the text.
func (l *lexer) quotedText(quote byte) (token, *SyntaxError) {
	start := l.at
	var text strings.Builder
	for l.at++; l.at < len(l.src); l.at++ {
		c := l.src[l.at]
		if c == quote {
			l.at++
			return token{kind: tokenString, text: text.String(), offset: start}, nil
		}
		if c == '\\' {
			l.at++
			if l.at == len(l.src) || strings.IndexByte(`\"'`, l.src[l.at]) < 0 {
				return token{}, l.errorf(l.at-1, `a backslash must be followed by \, " or '`)
			}
			c = l.src[l.at]
		}
		text.WriteByte(c)
	}
	return token{}, l.errorf(start, "the text is not closed")
}

func (l *lexer) errorf(offset int, format string, args ...any) *SyntaxError {
	return &SyntaxError{Offset: offset, Message: fmt.Sprintf(format, args...)}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$'
}
