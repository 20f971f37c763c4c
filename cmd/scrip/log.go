package main

import (
	"io"
	"log/slog"
)

// newLogger writes structured lines to w in the given format ("text" or "json") from the given level on ("debug", "info",
// "warn", "error"). The command line accepts no other values; an unknown level counts as info.
func newLogger(w io.Writer, format, level string) *slog.Logger {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		least = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: least}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
