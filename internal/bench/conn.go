package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"strconv"
	"time"
)

// apiKey is the key that every measured server is started with. They listen on this machine only, for as long as a run.
const apiKey = "scrip-bench-0123456789-abcdefghijklmnopqrstuvwxyz"

// Limits of an answer and of waiting for one.
const (
	answerMax  = 4 << 20          // a page of balances is far smaller
	requestMax = 60 * time.Second // a server that takes longer has failed
)

// conn is one keep-alive HTTP/1.1 connection. It is much cheaper than net/http's client, so that the generator leaves the
// cores to the servers; it speaks only as much of the protocol as they use, and fails on anything else.
type conn struct {
	net.Conn
	reader *bufio.Reader
	head   []byte // the head of the request, reused
	answer []byte // the body of the answer, reused
	host   string

	patient bool // a report that is answered 503 is sent again
	refused int  // how often that was, since it was last taken
}

// dial connects to a server. The connection closes when ctx ends.
func dial(ctx context.Context, address string) (*conn, error) {
	plain, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = plain.Close() })
	return &conn{Conn: plain, reader: bufio.NewReaderSize(plain, 16<<10), host: address}, nil
}

// do sends a request and reads its answer, which is good until the next call. A nil body means none.
func (c *conn) do(method, path string, body []byte) (status int, answer []byte, err error) {
	if err := c.send(method, path, body); err != nil {
		return 0, nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	status, answer, err = c.receive()
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return status, answer, nil
}

// send writes the head and the body with one system call.
func (c *conn) send(method, path string, body []byte) error {
	h := append(c.head[:0], method...)
	h = append(append(h, ' '), path...)
	h = append(append(h, " HTTP/1.1\r\nHost: "...), c.host...)
	h = append(h, "\r\nUser-Agent: scrip-bench\r\nAccept: application/json\r\nX-API-KEY: "+apiKey...)
	if body != nil {
		h = append(h, "\r\nContent-Type: application/json\r\nContent-Length: "...)
		h = strconv.AppendInt(h, int64(len(body)), 10)
	}
	c.head = append(h, "\r\n\r\n"...)
	parts := net.Buffers{c.head, body}
	_, err := parts.WriteTo(c.Conn)
	return err
}

// answerHead is what the head of an answer says about its body.
type answerHead struct {
	status, length int
	chunked        bool
}

// receive reads one answer.
func (c *conn) receive() (int, []byte, error) {
	h, err := c.readHead()
	if err != nil {
		return 0, nil, err
	}
	if h.chunked {
		err = c.readChunks()
	} else {
		err = c.readBody(h.length)
	}
	return h.status, c.answer, err
}

// errProtocol says that a server does not speak plain HTTP/1.1 with keep-alive.
var errProtocol = errors.New("unexpected HTTP answer")

// readHead reads up to the empty line.
func (c *conn) readHead() (answerHead, error) {
	h := answerHead{length: -1}
	line, err := c.line()
	if err != nil {
		return h, err
	}
	if len(line) < 12 || string(line[:9]) != "HTTP/1.1 " {
		return h, fmt.Errorf("%w: %q", errProtocol, line)
	}
	if h.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return h, fmt.Errorf("%w: %q", errProtocol, line)
	}
	for {
		if line, err = c.line(); err != nil {
			return h, err
		}
		if len(line) == 0 {
			return h, nil
		}
		if err := h.member(line); err != nil {
			return h, err
		}
	}
}

// member takes one header line.
func (h *answerHead) member(line []byte) (err error) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimSpace(value)
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		if h.length, err = strconv.Atoi(string(value)); err != nil || h.length < 0 || h.length > answerMax {
			return fmt.Errorf("%w: %q", errProtocol, line)
		}
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		h.chunked = true
	case bytes.EqualFold(name, []byte("Connection")) && bytes.EqualFold(value, []byte("close")):
		return fmt.Errorf("%w: the server closes the connection", errProtocol)
	}
	return nil
}

// line reads to the end of a line and answers it without that end.
func (c *conn) line() ([]byte, error) {
	line, err := c.reader.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}

// readBody reads length bytes.
func (c *conn) readBody(length int) error {
	if length < 0 {
		return fmt.Errorf("%w: neither a length nor chunks", errProtocol)
	}
	if cap(c.answer) < length {
		c.answer = make([]byte, length)
	}
	c.answer = c.answer[:length]
	_, err := io.ReadFull(c.reader, c.answer)
	return err
}

// readChunks reads a body of unknown length.
func (c *conn) readChunks() error {
	body, err := io.ReadAll(io.LimitReader(httputil.NewChunkedReader(c.reader), answerMax))
	if err != nil {
		return err
	}
	c.answer = append(c.answer[:0], body...)
	end, err := c.line()
	if err == nil && len(end) != 0 {
		err = fmt.Errorf("%w: trailer %q", errProtocol, end)
	}
	return err
}

// acknowledgement is the usual answer to a report of events.
var acknowledgement = []byte(`{"data":{}}`)

// How a patient client asks again: soon, then less often, and not for ever.
const (
	againFirst = time.Millisecond
	againMost  = 64 * time.Millisecond
	againTimes = 200 // about ten seconds
)

// report sends a body of events; they are durable when it answers nil. The keys make it harmless to send them again.
func (c *conn) report(body []byte) error {
	status, answer, err := c.do("POST", "/api/v1/events", body)
	wait := againFirst
	for range againTimes {
		if err != nil || status != 503 || !c.patient {
			break
		}
		c.refused++
		sleep(wait)
		wait = min(2*wait, againMost)
		status, answer, err = c.do("POST", "/api/v1/events", body)
	}
	if err != nil {
		return err
	}
	if status != 200 {
		return fmt.Errorf("POST /api/v1/events answered %d: %.300s", status, answer)
	}
	if bytes.Equal(bytes.TrimSpace(answer), acknowledgement) {
		return nil
	}
	var parsed struct{ Data *struct{} }
	if err := json.Unmarshal(answer, &parsed); err != nil || parsed.Data == nil {
		return fmt.Errorf("POST /api/v1/events answered %.300q", answer)
	}
	return nil
}

// takeRefused answers how many answers told to try again later since it was last asked.
func (c *conn) takeRefused() int {
	n := c.refused
	c.refused = 0
	return n
}

// get reads a JSON answer into value.
func (c *conn) get(path string, value any) error {
	status, answer, err := c.do("GET", path, nil)
	if err != nil {
		return err
	}
	if status != 200 {
		return fmt.Errorf("GET %s answered %d: %.300s", path, status, answer)
	}
	if err := json.Unmarshal(answer, value); err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	return nil
}
