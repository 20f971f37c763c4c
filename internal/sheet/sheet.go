// Package sheet writes texts that others chose into files that spreadsheets open. A cell that begins like a formula would be
// run there, with the rights of whoever opens the file (reliability S18).
package sheet

import (
	"strings"
	"unicode/utf8"
)

// formulaStarts are the characters with which spreadsheets take a cell for a formula, or skip to the next one.
const formulaStarts = "=+-@\t\r\n＝＋－＠"

// Text returns a text as a cell that no spreadsheet runs: one that begins like a formula, spaces apart, gets an apostrophe
// before it. Numbers that we write ourselves need none.
func Text(cell string) string {
	first, size := utf8.DecodeRuneInString(strings.TrimLeft(cell, " "))
	if size > 0 && strings.ContainsRune(formulaStarts, first) {
		return "'" + cell
	}
	return cell
}
