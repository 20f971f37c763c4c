package guide

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/internal/api/contract"
	"github.com/scrip-dev/scrip/test/crash/process"
	"github.com/scrip-dev/scrip/test/postgres"
)

// reader is a person who follows the guide.
type reader struct {
	t        *testing.T
	base     string
	year     int
	contract *contract.Contract
}

// follow starts the program on an empty database. When the test ends, it is stopped and its books are verified.
func follow(t *testing.T, program string) *reader {
	t.Helper()
	o := postgres.Options(t)
	options := process.Options{Path: program, Data: o.Dir, URL: o.URL, Key: process.APIKey}
	server, err := process.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Errorf("%v\n%s", err, server.Log())
		}
		if _, err := process.Verify(context.WithoutCancel(t.Context()), options); err != nil {
			t.Errorf("verify: %v", err)
		}
	})
	if _, err := server.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &reader{t: t, base: server.URL, year: time.Now().UTC().Year() + 1, contract: contract.New(t)}
}

// answer is what the server said.
type answer struct {
	t      *testing.T
	status int
	body   []byte
}

// send makes a request, with an empty body when that is empty, and checks the exchange. $03-02 in path and body is a day
// of the test's year.
func (r *reader) send(method, path, body string) answer {
	r.t.Helper()
	path, body = r.dated(path), r.dated(body)
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.base+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("X-Api-Key", process.APIKey)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	r.contract.Check(r.t, request, []byte(body), response.StatusCode, response.Header, got)
	return answer{t: r.t, status: response.StatusCode, body: got}
}

func (r *reader) dated(text string) string {
	return strings.ReplaceAll(text, "$", strconv.Itoa(r.year)+"-")
}

// do is send for what must be accepted.
func (r *reader) do(method, path, body string) answer {
	r.t.Helper()
	got := r.send(method, path, body)
	if got.status/100 != 2 {
		r.t.Fatalf("%s %s %s → %d %s", method, path, body, got.status, got.body)
	}
	return got
}

// refused is send for what must be refused with a status and a code.
func (r *reader) refused(status int, code, method, path, body string) answer {
	r.t.Helper()
	got := r.send(method, path, body)
	if got.status != status || got.text("code") != code {
		r.t.Errorf("%s %s %s → %d %s, want %d %s", method, path, body, got.status, got.body, status, code)
	}
	return got
}

// text returns the JSON at a path such as "data.0.id", without the quotes of a text; empty when there is nothing.
func (a answer) text(path string) string {
	raw := json.RawMessage(a.body)
	for step := range strings.SplitSeq(path, ".") {
		var list []json.RawMessage
		if i, err := strconv.Atoi(step); err == nil && json.Unmarshal(raw, &list) == nil && i < len(list) {
			raw = list[i]
			continue
		}
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) != nil {
			return ""
		}
		raw = object[step]
	}
	if text, err := strconv.Unquote(string(bytes.TrimSpace(raw))); err == nil {
		return text
	}
	return string(raw)
}

// says checks members of data, given as `path value` pairs in one text, such as "status ACTIVE remaining 50".
func (a answer) says(words string) answer {
	a.t.Helper()
	list := strings.Fields(words)
	for i := 0; i+1 < len(list); i += 2 {
		if got := a.text("data." + list[i]); got != list[i+1] {
			a.t.Errorf("%s is %s, want %s, in %s", list[i], got, list[i+1], a.body)
		}
	}
	return a
}

// table is the data of a list, one line per item: the members at the paths, instants as month, day, hour and minute.
func (a answer) table(list string, columns ...string) []string {
	a.t.Helper()
	lines := []string{}
	for i := 0; a.text(list+"."+strconv.Itoa(i)) != ""; i++ {
		var cells []string
		for _, column := range columns {
			cells = append(cells, short(a.text(list+"."+strconv.Itoa(i)+"."+column)))
		}
		lines = append(lines, strings.Join(cells, " | "))
	}
	return lines
}

// short is an instant without its year; anything else as it is.
func short(text string) string {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.Format("01-02 15:04")
	}
	return text
}
