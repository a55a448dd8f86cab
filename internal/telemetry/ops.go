package telemetry

import (
	"io"
	"net/http"
)

// NewOps makes the handler of the operations port: /livez says that the
// process runs, /readyz whether it is ready to be asked, /metrics what it did.
// ready gives lines that say why not, or what is amiss though it is.
func NewOps(metrics *Metrics, ready func() (bool, []string)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		say(w, http.StatusOK, "alive")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		isReady, lines := ready()
		if isReady {
			say(w, http.StatusOK, "ready", lines...)
		} else {
			say(w, http.StatusServiceUnavailable, "not ready", lines...)
		}
	})
	mux.Handle("GET /metrics", metrics.Handler())
	return mux
}

// say answers with lines of text.
func say(w http.ResponseWriter, status int, first string, more ...string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	text := first + "\n"
	for _, line := range more {
		text += line + "\n"
	}
	_, _ = io.WriteString(w, text) // a caller that went away is told nothing
}
