package program

import (
	"context"
	"log/slog"
	"strings"
)

// Logger returns a logger for package rpc. Each record becomes a line that
// begins with the text who.
func (c *Console) Logger(who string) *slog.Logger {
	return slog.New(&lineHandler{console: c, who: who})
}

// lineHandler is a slog.Handler for people: the message, and after it the
// error. It leaves out other attributes.
type lineHandler struct {
	console *Console
	who     string
}

func (h *lineHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}

func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	line := h.who + ": " + strings.TrimPrefix(r.Message, "rpc: ")
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "err" {
			line += ": " + Clean(a.Value.String())
		}
		return true
	})
	h.console.Say("%s", line)
	return nil
}

func (h *lineHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h *lineHandler) WithGroup(string) slog.Handler { return h }
