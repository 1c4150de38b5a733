package main

import (
	"context"
	"log/slog"
	"strings"
)

// logger returns a logger for package rpc, whose records become lines of the console, said by who.
func (c *console) logger(who string) *slog.Logger {
	return slog.New(&lineHandler{console: c, who: who})
}

// lineHandler is a slog.Handler for people: the message, and behind it the error. Other attributes are left out, for who
// speaks is said in front.
type lineHandler struct {
	console *console
	who     string
}

func (h *lineHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}

func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	line := h.who + ": " + strings.TrimPrefix(r.Message, "rpc: ")
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "err" {
			line += ": " + clean(a.Value.String())
		}
		return true
	})
	h.console.say("%s", line)
	return nil
}

func (h *lineHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h *lineHandler) WithGroup(string) slog.Handler { return h }
