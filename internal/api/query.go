package api

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/api/strictjson"
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Limits of a query.
const (
	queryTextMax   = 255 // characters of one value
	queryCursorMax = 512 // characters of a cursor: room for some 50 shards
	queryValuesMax = 100 // values of one list
	pageLimitMax   = 100
)

// query reads the parameters of a call. Every reader notes its parameter as known and keeps the first error, which done
// returns; until then readers return zero values. Empty values count as absent, because some clients send them for null.
type query struct {
	call   *call
	values url.Values // without empty values
	known  map[string]bool
	err    error
}

// query starts reading the parameters.
func (c *call) query() *query {
	q := &query{call: c, values: url.Values{}, known: map[string]bool{}}
	sent, err := url.ParseQuery(c.request.URL.RawQuery)
	if err != nil {
		q.fail("", "the query string is malformed")
	}
	for name, values := range sent {
		values = slices.DeleteFunc(values, func(v string) bool { return v == "" })
		if len(values) > 0 {
			q.values[name] = values
		}
	}
	return q
}

// fail keeps the first error.
func (q *query) fail(name, format string, args ...any) {
	if q.err == nil {
		q.err = credits.Invalid(name, fmt.Sprintf(format, args...))
	}
}

// done returns the first error. A parameter that was sent and not read is one: it may be a filter that the caller relies on.
func (q *query) done() error {
	for _, name := range q.names() {
		if !q.known[name] {
			q.fail(clip(name), "is not a parameter of this operation")
		}
	}
	return q.err
}

// names lists what was sent, in a fixed order.
func (q *query) names() []string {
	names := make([]string, 0, len(q.values))
	for name := range q.values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// text reads a single value of at most 255 characters.
func (q *query) text(name string) string { return q.single(name, queryTextMax) }

// single reads a single value of at most so many characters.
func (q *query) single(name string, most int) string {
	q.known[name] = true
	values := q.values[name]
	if len(values) == 0 {
		return ""
	}
	if len(values) > 1 {
		q.fail(name, "is given more than once")
		return ""
	}
	return q.checked(name, values[0], most)
}

func (q *query) checked(name, value string, most int) string {
	switch {
	case !utf8.ValidString(value) || strings.IndexByte(value, 0) >= 0:
		q.fail(name, "must be valid UTF-8 without NUL")
	case utf8.RuneCountInString(value) > most:
		q.fail(name, "has more than %d characters", most)
	default:
		return value
	}
	return ""
}

// required reads a value that must be there.
func (q *query) required(name string) string {
	value := q.text(name)
	if value == "" {
		q.fail(name, "is required")
	}
	return value
}

// texts reads a list, comma-joined or repeated.
func (q *query) texts(name string) []string {
	q.known[name] = true
	var list []string
	for _, value := range q.values[name] {
		for element := range strings.SplitSeq(value, ",") {
			if element != "" {
				list = append(list, q.checked(name, element, queryTextMax))
			}
		}
	}
	if len(list) > queryValuesMax {
		q.fail(name, "has more than %d values", queryValuesMax)
	}
	return list
}

// enumeration is an enumeration of the wire.
type enumeration interface {
	~string
	Valid() bool
}

// enum reads a single value of the wire's enumeration W as the domain's D.
func enum[W enumeration, D ~string](q *query, name string) D {
	value := q.text(name)
	if value != "" && !W(value).Valid() {
		q.fail(name, "is not one of the values that are allowed here")
	}
	return D(value)
}

// enums reads a list of values of the wire's enumeration W as the domain's D.
func enums[W enumeration, D ~string](q *query, name string) []D {
	var list []D
	for _, value := range q.texts(name) {
		if !W(value).Valid() {
			q.fail(name, "has a value that is not one of those allowed here")
		}
		list = append(list, D(value))
	}
	return list
}

// oneOf reads a single value out of a few that have no wire type.
func (q *query) oneOf(name string, allowed ...string) string {
	value := q.text(name)
	if value != "" && !slices.Contains(allowed, value) {
		q.fail(name, "must be one of %s", strings.Join(allowed, ", "))
	}
	return value
}

// time reads an instant, or nil.
func (q *query) time(name string) *ledger.Time {
	value := q.text(name)
	if value == "" {
		return nil
	}
	t, ok := strictjson.ParseTime(value)
	if !ok {
		q.fail(name, "must be a date-time such as 2026-01-31T12:00:00Z")
		return nil
	}
	return timeIn(&t)
}

// during reads bounds such as name[gte].
func (q *query) during(name string) credits.TimeRange {
	return credits.TimeRange{
		After: q.time(name + "[gt]"), From: q.time(name + "[gte]"),
		Before: q.time(name + "[lt]"), Through: q.time(name + "[lte]"),
	}
}

// dates reads startDate and endDate. In the wrong order nothing could lie between them: the list would be empty, which
// looks like an answer.
func (q *query) dates() (from, through *ledger.Time) {
	from, through = q.time("startDate"), q.time("endDate")
	if from != nil && through != nil && *through < *from {
		q.fail("endDate", "must not be before startDate")
	}
	return from, through
}

// amount reads an exact decimal, or nil.
func (q *query) amount(name string) *amount.Amount {
	value := q.text(name)
	if value == "" {
		return nil
	}
	v, err := amount.Parse(value)
	if err != nil {
		q.fail(name, "must be a decimal with at most 15 digits before and 9 after the point")
		return nil
	}
	return &v
}

// integer reads a whole number within bounds, or nil.
func (q *query) integer(name string, least, most int64) *int64 {
	value := q.text(name)
	if value == "" {
		return nil
	}
	v, err := strconv.ParseInt(value, 10, 64)
	if err != nil || v < least || v > most {
		q.fail(name, "must be a whole number from %d to %d", least, most)
		return nil
	}
	return &v
}

// object reads parameters such as name[key]=value into a map; without any it is nil.
func (q *query) object(name string) map[string]string {
	var object map[string]string
	for _, full := range q.names() {
		key, ok := strings.CutPrefix(full, name+"[")
		if !ok || !strings.HasSuffix(key, "]") {
			continue
		}
		if object == nil {
			object = map[string]string{}
		}
		object[q.checked(name, strings.TrimSuffix(key, "]"), queryTextMax)] = q.text(full)
	}
	return object
}

// page reads after, before and limit. When both cursors are given before wins, as in the client libraries; the other one
// is still checked.
func (q *query) page() credits.Page {
	page := credits.Page{After: q.cursor("after"), Before: q.cursor("before"), Limit: q.limit()}
	if page.Before != 0 {
		page.After = 0
	}
	return page
}

// limit reads how long a page may be, 0 for the default.
func (q *query) limit() int {
	if limit := q.integer("limit", 1, pageLimitMax); limit != nil {
		return int(*limit)
	}
	return 0
}

// cursor reads the row number in a cursor of this list, or 0.
func (q *query) cursor(name string) int64 {
	value := q.text(name)
	if value == "" {
		return 0
	}
	no, ok := q.call.server.cursors.number(q.binding(), value)
	if !ok {
		q.failCursor(name)
	}
	return no
}

// cut reads the cut in a cursor of this list, or nil.
func (q *query) cut(name string) engine.Cut {
	value := q.single(name, queryCursorMax)
	if value == "" {
		return nil
	}
	cut, ok := q.call.server.cursors.cut(q.binding(), value)
	if !ok {
		q.failCursor(name)
	}
	return cut
}

func (q *query) failCursor(name string) {
	q.fail(name, "is not a cursor of this list; pass one from pagination, with the same filters")
}

// unbound are parameters that select nothing: they may differ from page to page.
var unbound = []string{"after", "before", "limit", "start", "waitSeconds"}

// binding is what a cursor of this list belongs to.
func (q *query) binding() []string {
	fields := []string{q.call.env, q.call.request.Method, q.call.request.URL.Path}
	for _, name := range q.names() {
		if !slices.Contains(unbound, name) {
			fields = append(fields, name, strconv.Itoa(len(q.values[name])))
			fields = append(fields, q.values[name]...)
		}
	}
	return fields
}

// pagination makes the cursors of a page from the numbers of its outermost rows; 0 means the list ends there.
func (q *query) pagination(next, prev int64) wire.Pagination {
	return wire.Pagination{Next: q.cursorOf(next), Prev: q.cursorOf(prev)}
}

// cutPagination is pagination for cuts.
func (q *query) cutPagination(next, prev engine.Cut) wire.Pagination {
	return wire.Pagination{Next: q.cursorOfCut(next), Prev: q.cursorOfCut(prev)}
}

func (q *query) cursorOfCut(cut engine.Cut) *string {
	if cut == nil {
		return nil
	}
	text := q.call.server.cursors.cutCursor(q.binding(), cut)
	return &text
}

func (q *query) cursorOf(no int64) *string {
	if no == 0 {
		return nil
	}
	text := q.call.server.cursors.cursor(q.binding(), no)
	return &text
}

// paged converts a page of a list.
func paged[D, W any](q *query, list credits.List[D], convert func(D) W) ([]W, wire.Pagination) {
	return listOut(list.Items, convert), q.pagination(list.Next, list.Prev)
}

// clip shortens what a caller sent for an error.
func clip(text string) string {
	const shown = 40
	if len(text) > shown {
		text = text[:shown] + "…"
	}
	return strings.ToValidUTF8(text, "")
}
