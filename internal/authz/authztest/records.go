package authztest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"credence/internal/registry"
)

// A written record is one of a case's registry section.
type written struct {
	fields    registry.Fields
	absent    bool // the default must not be there either
	otherType bool // the key holds something that is no hash
}

// rootByDefault is the root record of a case that says nothing of it.
const rootByDefault = `
registry
  id decisions
  schema 1
  seq 1
  digests s1
  created_at {now-90d}
`

// Records gives what stands in the registry, with times relative to now.
func (c Case) Records(now time.Time) map[registry.Ref]registry.Fields {
	all := make(map[registry.Ref]registry.Fields)
	for ref, record := range c.mustRecords(now) {
		if !record.absent && !record.otherType && ref != registry.RevokedRef {
			all[ref] = record.fields
		}
	}
	return all
}

// Revoked gives the members of the revoked JWTs.
func (c Case) Revoked() []string {
	return slices.Sorted(maps.Keys(c.mustRecords(time.Time{})[registry.RevokedRef].fields))
}

// OtherTypes gives the keys that hold something of another type than they
// should, a Redis string say.
func (c Case) OtherTypes() []registry.Ref {
	var refs []registry.Ref
	for ref, record := range c.mustRecords(time.Time{}) {
		if record.otherType {
			refs = append(refs, ref)
		}
	}
	return refs
}

func (c Case) mustRecords(now time.Time) map[registry.Ref]written {
	all, err := c.records(now)
	if err != nil {
		panic("authztest: a case that Load has read: " + err.Error())
	}
	return all
}

func (c Case) records(now time.Time) (map[registry.Ref]written, error) {
	all := make(map[registry.Ref]written)
	for _, text := range []string{rootByDefault, c.registry, c.mendedRegistry} {
		expanded, err := c.words.expand(text, now)
		if err != nil {
			return nil, fmt.Errorf("%s: registry: %w", c.Name, err)
		}
		some, err := parseRecords(expanded)
		if err != nil {
			return nil, fmt.Errorf("%s: registry: %w", c.Name, err)
		}
		maps.Copy(all, some)
	}
	return all, nil
}

// parseRecords reads key lines, each followed by indented lines of fields; of
// the revoked JWTs they are its members.
func parseRecords(text string) (map[registry.Ref]written, error) {
	all := make(map[registry.Ref]written)
	var current registry.Fields
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "":
		case strings.HasPrefix(line, "  "):
			field, value, _ := strings.Cut(line[2:], " ")
			if _, twice := current[field]; twice || current == nil || field == "" {
				return nil, fmt.Errorf("field %q has no record, or stands there twice", line)
			}
			if value == `""` {
				value = ""
			}
			current[field] = value
		default:
			key, remark, _ := strings.Cut(line, " ")
			ref, known := registry.ParseRef(key)
			if _, twice := all[ref]; !known || twice {
				return nil, fmt.Errorf("key %q is unknown or stands there twice", key)
			}
			record := written{fields: registry.Fields{}, absent: remark == "(absent)", otherType: remark == "(another type)"}
			if remark != "" && !record.absent && !record.otherType {
				return nil, fmt.Errorf("key %q: unknown remark %q", key, remark)
			}
			all[ref], current = record, record.fields
		}
	}
	return all, nil
}
