package authz

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"credence/internal/registry"

	"credence/internal/credential"
)

// A Route is what the operator's Envoy says of the route that a request takes.
type Route struct {
	Scopes           []string // all of them are demanded
	Profiles         []registry.ProfileID
	Optional         bool   // no credential passes
	Observe          bool   // a denial passes
	PassPreflight    bool   // a CORS preflight without credential passes
	Audience         string // a JWT's aud must hold it
	API              string // name for usage and reports
	ResourceMetadata string // https URL for challenges (RFC 9728 §5.1)
}

// admits tells whether the route lets a profile in.
func (r Route) admits(profile registry.ProfileID) bool {
	if len(r.Profiles) == 0 {
		return true
	}
	for _, admitted := range r.Profiles {
		if admitted == profile {
			return true
		}
	}
	return false
}

// A RoutePolicy says what routes may ask for.
type RoutePolicy struct {
	Observe        bool // what holds where a route says nothing
	PermitObserve  bool // a route may ask for mode: observe
	PermitOptional bool // a route may ask for auth: optional
	Ignore         map[string]bool
}

// understood are the keys of a route that are, in the order in which they are
// read.
var understood = [...]struct {
	name string
	read func(r *Route, value string) error
}{
	{"scopes", readScopes},
	{"profiles", readProfiles},
	{"auth", readAuth},
	{"mode", readMode},
	{"audience", readAudience},
	{"api", readAPI},
	{"preflight", readPreflight},
	{"resource_metadata", readResourceMetadata},
}

// Parse reads a route's extensions. Any doubt is an error: a mistake must not
// open a route.
func (p RoutePolicy) Parse(said Extensions) (Route, error) {
	route := Route{Observe: p.Observe}
	for _, key := range understood {
		value, present := said.Get(key.name)
		if !present {
			continue
		}
		if err := key.read(&route, value); err != nil {
			return Route{}, fmt.Errorf("route: %s: %w", key.name, err)
		}
	}
	if err := p.refuseUnknown(said); err != nil {
		return Route{}, err
	}
	mode, _ := said.Get("mode")
	if err := p.permit(route, mode == "observe"); err != nil {
		return Route{}, err
	}
	return route, nil
}

func (p RoutePolicy) refuseUnknown(said Extensions) error {
next:
	for _, extension := range said {
		for _, key := range understood {
			if extension.Key == key.name {
				continue next
			}
		}
		if !p.Ignore[extension.Key] {
			return fmt.Errorf("route: %s: unknown key", credential.Shown(extension.Key))
		}
	}
	return nil
}

func (p RoutePolicy) permit(route Route, asksToObserve bool) error {
	switch {
	case asksToObserve && !p.PermitObserve:
		return errors.New("route: mode: observe is not permitted (routes.permit_observe)")
	case route.Optional && !p.PermitOptional:
		return errors.New("route: auth: optional is not permitted (routes.permit_optional)")
	case route.Optional && (len(route.Scopes) > 0 || len(route.Profiles) > 0 || route.Audience != ""):
		return errors.New("route: auth: optional beside scopes, profiles or audience: the anonymous would pass by them")
	}
	return nil
}

func readScopes(r *Route, value string) (err error) {
	r.Scopes, err = registry.ParseScopes(value)
	return err
}

func readProfiles(r *Route, value string) error {
	for word := range strings.SplitSeq(value, " ") {
		profile, err := registry.ParseID[registry.ProfileID](word)
		if err != nil {
			return err
		}
		r.Profiles = append(r.Profiles, profile)
	}
	return nil
}

func readAuth(r *Route, value string) (err error) {
	r.Optional, err = oneOf(value, "required", "optional")
	return err
}

func readMode(r *Route, value string) (err error) {
	r.Observe, err = oneOf(value, "enforce", "observe")
	return err
}

func readPreflight(r *Route, value string) (err error) {
	r.PassPreflight, err = oneOf(value, "deny", "pass")
	return err
}

// oneOf tells whether value is the second of two words.
func oneOf(value, no, yes string) (bool, error) {
	if value != no && value != yes {
		return false, fmt.Errorf("unknown value %s: want %s or %s", credential.Shown(value), no, yes)
	}
	return value == yes, nil
}

func readAudience(r *Route, value string) error {
	r.Audience = value
	if value == "" {
		return errors.New("is empty")
	}
	return nil
}

func readAPI(r *Route, value string) (err error) {
	r.API, err = registry.ParseID[string](value)
	return err
}

// readResourceMetadata takes an https URL that can stand in a quoted string.
func readResourceMetadata(r *Route, value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || strings.ContainsFunc(value, unquotable) {
		return errors.New("want an https URL")
	}
	r.ResourceMetadata = value
	return nil
}

func unquotable(c rune) bool { return c <= 0x20 || c > 0x7e || c == '"' || c == '\\' }
