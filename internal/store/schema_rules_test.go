package store_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The rules that let the schema be spread over several machines, as far as they can be read from migrations. They know as
// much SQL as migrations use; what they do not understand they refuse.

// placement says how tables are placed.
type placement struct {
	hot       []string // by shard
	catalogue []string // everywhere
}

var (
	comments = regexp.MustCompile(`--[^\n]*`)
	spaces   = regexp.MustCompile(`\s+`)
	// numbering is what makes numbers in one place for all shards.
	numbering  = regexp.MustCompile(`(?i)\b(small|big)?serial\b|\bsequence\b|\bidentity\b|\bautoincrement\b|\bnextval\b`)
	table      = regexp.MustCompile(`(?i)^CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?(\w+) ?\((.*)\)[^)]*$|^CREATE TABLE`)
	index      = regexp.MustCompile(`(?i)^CREATE (?:UNIQUE )?INDEX (?:IF NOT EXISTS )?(\w+) ON (\w+) (?:USING \w+ )?\((.*)$|^CREATE (?:UNIQUE )?INDEX`)
	alteration = regexp.MustCompile(`(?i)^ALTER TABLE (\w+) (.*)$`)
	keyOf      = regexp.MustCompile(`(?i)\b(PRIMARY KEY|UNIQUE) ?\(([^)]*)\)`)
	ownKey     = regexp.MustCompile(`(?i)^(\w+) .*\b(PRIMARY KEY|UNIQUE)\b(?: ?[^( ]|$)`)
	reference  = regexp.MustCompile(`(?i)\bREFERENCES (\w+)`)
)

// judge returns what is wrong with the text of one migration, a line each.
func (p placement) judge(text string) (faults []string) {
	text = comments.ReplaceAllString(text, "")
	if word := numbering.FindString(text); word != "" {
		faults = append(faults, fmt.Sprintf("%q: numbers must not come from a place that all shards share", word))
	}
	for statement := range strings.SplitSeq(text, ";") {
		statement = strings.TrimSpace(spaces.ReplaceAllString(statement, " "))
		if m := table.FindStringSubmatch(statement); m != nil {
			faults = append(faults, p.judgeTable(m[1], split(m[2]))...)
		}
		if m := index.FindStringSubmatch(statement); m != nil {
			faults = append(faults, p.judgeKey(m[2], "the index "+m[1], m[3])...)
		}
		if m := alteration.FindStringSubmatch(statement); m != nil {
			faults = append(faults, p.judgeParts(m[1], split(m[2]))...)
		}
	}
	return faults
}

func (p placement) judgeTable(name string, parts []string) []string {
	if !slices.Contains(slices.Concat(p.hot, p.catalogue), name) {
		return []string{fmt.Sprintf("the table %q: tables.go does not say whether it is placed by shard", name)}
	}
	faults := p.judgeParts(name, parts)
	if p.isHot(name) && !strings.Contains(strings.ToUpper(strings.Join(parts, ",")), "PRIMARY KEY") {
		faults = append(faults, fmt.Sprintf("%s has no primary key", name))
	}
	return faults
}

// judgeParts looks at columns and constraints.
func (p placement) judgeParts(name string, parts []string) (faults []string) {
	for _, part := range parts {
		part = strings.TrimSpace(part)
		for _, m := range keyOf.FindAllStringSubmatch(part, -1) {
			faults = append(faults, p.judgeKey(name, "the "+strings.ToLower(m[1]), m[2])...)
		}
		if m := ownKey.FindStringSubmatch(part); m != nil && !keyOf.MatchString(part) {
			faults = append(faults, p.judgeKey(name, "the "+strings.ToLower(m[2]), m[1])...)
		}
		for _, m := range reference.FindAllStringSubmatch(part, -1) {
			if p.isHot(name) || p.isHot(m[1]) {
				faults = append(faults, fmt.Sprintf("%s refers to %s: no foreign key may begin or end at a table placed by shard", name, m[1]))
			}
		}
	}
	return faults
}

// judgeKey wants the shard first in what orders a hot table.
func (p placement) judgeKey(table, what, columns string) []string {
	first, _, _ := strings.Cut(strings.TrimLeft(columns, " "), ",")
	first, _, _ = strings.Cut(strings.Trim(first, " )"), " ")
	if !p.isHot(table) || strings.Trim(first, ")") == "shard" {
		return nil
	}
	return []string{fmt.Sprintf("%s of %s begins with %q; it must begin with shard", what, table, first)}
}

func (p placement) isHot(table string) bool { return slices.Contains(p.hot, table) }

// split cuts at the commas outside of parentheses.
func split(list string) (parts []string) {
	depth, from := 0, 0
	for i, c := range list {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			parts, from = append(parts, list[from:i]), i+1
		}
	}
	return append(parts, list[from:])
}
