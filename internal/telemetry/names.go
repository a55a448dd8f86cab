package telemetry

import (
	"strings"
	"sync"
)

const (
	maxNames = 200
	// otherName stands for all names that came later.
	otherName = "other"
)

// names holds the values of a label to a number: the first maxNames stand for
// themselves, and so does none. The zero names is empty; it is safe for use by many goroutines.
type names struct {
	mu   sync.RWMutex
	seen map[string]string
}

// bounded gives the label for a name. It does not keep the text that it is
// given, which may be a part of something large.
func (n *names) bounded(name string) string {
	if name == "" {
		return ""
	}
	n.mu.RLock()
	label, known := n.seen[name]
	full := len(n.seen) >= maxNames
	n.mu.RUnlock()
	switch {
	case known:
		return label
	case full:
		return otherName
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if label, known := n.seen[name]; known {
		return label
	}
	if len(n.seen) >= maxNames {
		return otherName
	}
	if n.seen == nil {
		n.seen = make(map[string]string)
	}
	label = strings.Clone(name)
	n.seen[label] = label
	return label
}
