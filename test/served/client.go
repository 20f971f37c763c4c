package served

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/scrip-dev/scrip/internal/api/contract"
)

// client speaks REST with one key.
type client struct {
	server *Server
	key    string
	base   string // address of a listening server; empty calls the handler itself
	calls  int
}

// object is a JSON object in the making.
type object map[string]any

// refusal is an error body.
type refusal struct {
	Status  int    `json:"-"`
	Code    string `json:"code"`
	Field   string `json:"field"`
	Message string `json:"message"`
}

// envelope is what every answer is wrapped in.
type envelope struct {
	Data       json.RawMessage `json:"data"`
	Pagination pagination      `json:"pagination"`
}

type pagination struct {
	Next *string `json:"next"`
	Prev *string `json:"prev"`
}

// call makes a request and reads the data of its answer into a value, unless that is nil. It returns what a refusal says,
// or nil. It panics when the server breaks its contract or fails.
func (c *client) call(method, path string, body, into any) *refusal {
	_, refused := c.page(method, path, body, into)
	return refused
}

// must is call for what cannot be refused.
func (c *client) must(method, path string, body, into any) {
	if refused := c.call(method, path, body, into); refused != nil {
		panic(fmt.Sprintf("%s %s is refused: %+v", method, path, *refused))
	}
}

func (c *client) page(method, path string, body, into any) (pagination, *refusal) {
	var sent []byte
	if body != nil {
		sent = encode(body)
	}
	status, got := c.exchange(method, path, sent)
	if status/100 != 2 {
		r := &refusal{Status: status}
		decode(got, r)
		if status >= http.StatusInternalServerError {
			panic(fmt.Sprintf("%s %s %s fails: %+v", method, path, sent, *r))
		}
		return pagination{}, r
	}
	var e envelope
	if into != nil {
		decode(got, &e)
		decode(e.Data, into)
	}
	return e.Pagination, nil
}

// exchange sends a request, to the handler itself or through a connection.
func (c *client) exchange(method, path string, body []byte) (status int, got []byte) {
	c.calls++
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	r.Header.Set("X-Api-Key", c.key)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	var header http.Header
	if c.base == "" {
		w := httptest.NewRecorder()
		c.server.ServeHTTP(w, r)
		status, header, got = w.Code, w.Header(), w.Body.Bytes()
	} else {
		status, header, got = c.send(r, body)
	}
	if check := c.server.options.Contract; check != nil {
		err := check(contract.Exchange{Request: r, RequestBody: body, Status: status, Header: header, ResponseBody: got})
		if err != nil {
			panic(fmt.Sprintf("%s %s breaks the contract: %v\nrequest  %s\nresponse %s", method, path, err, body, got))
		}
	}
	return status, got
}

func (c *client) send(like *http.Request, body []byte) (int, http.Header, []byte) {
	r, err := http.NewRequest(like.Method, c.base+like.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header = like.Header
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		panic(err)
	}
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		panic(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode, answer.Header, got
}

// pageSizes are the sizes of the pages in which lists are read, in turn.
var pageSizes = []string{"100", "7", "100", "25", "3"}

// list reads a list to its end, in pages of some size, and then back again; both must agree.
func list[T any](c *client, path string, query url.Values) []T {
	query.Set("limit", pageSizes[c.calls%len(pageSizes)])
	var pages [][]T
	var at pagination
	for {
		var page []T
		at = c.turn(path, query, &page)
		pages = append(pages, page)
		if at.Next == nil {
			break
		}
		query.Set("after", *at.Next)
	}
	c.back(path, query, at, len(pages), func(got *json.RawMessage, n int) {
		if want, back := encode(pages[n]), canonicalPage[T](*got); !bytes.Equal(want, back) {
			panic(fmt.Sprintf("page %d of %s?%s is %s forwards and %s backwards", n, path, query.Encode(), want, back))
		}
	})
	return slices.Concat(pages...)
}

// back walks from the last page to the first. A page that has one before it must be reachable from the one after it.
func (c *client) back(path string, query url.Values, at pagination, pages int, check func(*json.RawMessage, int)) {
	query.Del("after")
	n := pages - 1
	for ; at.Prev != nil; n-- {
		query.Set("before", *at.Prev)
		var page json.RawMessage
		at = c.turn(path, query, &page)
		check(&page, n-1)
	}
	if n != 0 {
		panic(fmt.Sprintf("%s?%s has %d pages forwards and ends %d pages too early backwards", path, query.Encode(), pages, n))
	}
}

func (c *client) turn(path string, query url.Values, into any) pagination {
	at, refused := c.page(http.MethodGet, path+"?"+query.Encode(), nil, into)
	if refused != nil {
		panic(fmt.Sprintf("GET %s?%s is refused: %+v", path, query.Encode(), *refused))
	}
	return at
}

// canonicalPage reads a page as list does and writes it down again.
func canonicalPage[T any](raw json.RawMessage) []byte {
	var page []T
	decode(raw, &page)
	return encode(page)
}

// decode reads JSON without losing digits. Every member that a type names must be spelt as on the wire.
func decode(raw []byte, into any) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		panic(fmt.Sprintf("the answer %s cannot be read: %v", raw, err))
	}
}

func encode(value any) []byte {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return raw
}

// amount writes an amount as a number or as a text, in turn; both are legal.
func (c *client) amount(s string) any {
	if c.calls%2 == 0 {
		return json.Number(s)
	}
	return s
}

// instant writes a time.
func instant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// segment escapes a value for a path.
func segment(s string) string { return strings.ReplaceAll(url.PathEscape(s), "+", "%2B") }
