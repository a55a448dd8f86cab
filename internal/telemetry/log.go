package telemetry

import (
	"io"
	"log/slog"
)

// FormatJSON is the one format of NewLogger that is not text.
const FormatJSON = "json"

// NewLogger makes a logger that writes lines of text, or of JSON where the
// format says so.
func NewLogger(w io.Writer, level slog.Level, format string) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == FormatJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
