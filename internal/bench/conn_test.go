package bench

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
)

// scripted is a server that answers each request with the next text, whatever it says.
func scripted(t *testing.T, answers ...string) *conn {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		peer, err := listener.Accept()
		if err != nil {
			return
		}
		defer peer.Close()
		lines := bufio.NewReader(peer)
		for _, answer := range answers {
			for line := ""; line != "\r\n"; {
				if line, err = lines.ReadString('\n'); err != nil {
					return
				}
			}
			_, _ = io.WriteString(peer, answer)
		}
	}()
	c, err := dial(t.Context(), listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestConnReadsAnswers(t *testing.T) {
	// Answers with a length and in chunks are read to their end, one after the other on one connection.
	t.Parallel()
	c := scripted(t,
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-length: 4\r\n\r\nfour",
		"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nthr\r\n2\r\nee\r\n0\r\n\r\n",
		"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
	)
	for _, want := range []struct {
		status int
		body   string
	}{{200, "four"}, {404, "three"}, {201, ""}} {
		status, body, err := c.do("GET", "/x", nil)
		if err != nil || status != want.status || string(body) != want.body {
			t.Errorf("got %d %q %v, want %d %q", status, body, err, want.status, want.body)
		}
	}
}

func TestConnFailsOnTheUnexpected(t *testing.T) {
	// Anything else than a complete keep-alive answer is an error, not a figure.
	t.Parallel()
	for name, answer := range map[string]string{
		"http_1.0":     "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		"closing":      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
		"no_length":    "HTTP/1.1 200 OK\r\n\r\n",
		"huge":         "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
		"negative":     "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"cut_short":    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour",
		"no_status":    "HTTP/1.1 abc\r\nContent-Length: 0\r\n\r\n",
		"bad_chunk":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"with_trailer": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n",
		"nothing":      "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if status, body, err := scripted(t, answer).do("GET", "/x", nil); err == nil {
				t.Errorf("answered %d %q", status, body)
			}
		})
	}
}

func TestReportChecksTheAnswer(t *testing.T) {
	// Only a 200 with the agreed body acknowledges events.
	t.Parallel()
	for name, test := range map[string]struct {
		status, body string
		fine         bool
	}{
		"exact":   {"200 OK", `{"data":{}}`, true},
		"spaced":  {"200 OK", "{ \"data\": {} }\n", true},
		"created": {"201 Created", `{"data":{}}`, false},
		"refused": {"429 Too Many Requests", `{"message":"slow down"}`, false},
		"no_data": {"200 OK", `{}`, false},
		"no_json": {"200 OK", `<html>`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := scripted(t, "HTTP/1.1 "+test.status+"\r\nTransfer-Encoding: chunked\r\n\r\n"+chunk(test.body)+"0\r\n\r\n")
			if err := c.report([]byte("{}\r\n\r\n")); (err == nil) != test.fine {
				t.Errorf("got %v", err)
			}
		})
	}
}

// chunk writes a text shorter than 256 bytes as one chunk.
func chunk(text string) string {
	return strings.ToUpper(string(appendHex(nil, uint64(len(text)), 2))) + "\r\n" + text + "\r\n"
}
