package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestLogFormats(t *testing.T) {
	// Log lines keep their fields in both formats, and lines below the level are left out.
	t.Parallel()
	var text, structured bytes.Buffer
	log := newLogger(&text, "text", "warn")
	log.Info("hidden")
	log.Warn("shown", "request", "r1")
	if got := text.String(); strings.Contains(got, "hidden") || !strings.Contains(got, "msg=shown request=r1") {
		t.Errorf("text: %q", got)
	}

	newLogger(&structured, "json", "debug").Debug("shown", "request", "r1")
	var line map[string]any
	if err := json.Unmarshal(structured.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line["msg"] != "shown" || line["request"] != "r1" {
		t.Errorf("json: %v", line)
	}
}
