package registry

import (
	"time"
)

// An Annotation says who changed a state, when and why. All of it may be
// unknown.
type Annotation struct {
	By     string
	At     time.Time
	Reason string
}

// A Client is a registered consumer of the API (key client:<id>).
type Client struct {
	ID         ClientID
	Name       string // 256 bytes at most
	Contact    string
	State      State // Active, Disabled or Deleted
	Changed    Annotation
	Allow      Networks
	AllowMode  AllowMode
	ValidAfter time.Time // JWTs issued before, or at that instant, are revoked
	Limit      Limit
	Labels     Labels
	ManagedBy  string
	Created    time.Time
	Updated    time.Time // zero: never
}

// Ref implements Record.
func (c *Client) Ref() Ref { return ClientRef(c.ID) }

// Fields implements Record.
func (c *Client) Fields() Fields {
	f := Fields{"id": string(c.ID), "state": c.State.String(), "created_at": FormatTime(c.Created)}
	f.put("name", c.Name)
	f.put("contact", c.Contact)
	f.putAnnotation(c.Changed)
	f.putAllow(c.Allow, c.AllowMode)
	f.put("valid_after", FormatTime(c.ValidAfter))
	f.put("limit", c.Limit.String())
	f.put("labels", c.Labels.String())
	f.put("managed_by", c.ManagedBy)
	f.put("updated_at", FormatTime(c.Updated))
	return f
}

func scanClient(s *scanner) *Client {
	return &Client{
		ID:         requiredID(s, "id", ParseID[ClientID]),
		Name:       optional(s, "name", parseName),
		Contact:    optional(s, "contact", parseText),
		State:      required(s, "state", parseOwnerState),
		Changed:    scanAnnotation(s),
		Allow:      optional(s, "allow", ParseNetworks),
		AllowMode:  optional(s, "allow_mode", ParseAllowMode),
		ValidAfter: optional(s, "valid_after", ParseTime),
		Limit:      optional(s, "limit", ParseLimit),
		Labels:     optional(s, "labels", ParseLabels),
		ManagedBy:  optional(s, "managed_by", parseText),
		Created:    s.createdAt(required),
		Updated:    optional(s, "updated_at", ParseTime),
	}
}

func scanAnnotation(s *scanner) Annotation {
	return Annotation{
		By:     optional(s, "state_by", parseText),
		At:     optional(s, "state_at", ParseTime),
		Reason: optional(s, "state_reason", parseText),
	}
}

func (f Fields) putAnnotation(a Annotation) {
	f.put("state_by", a.By)
	f.put("state_at", FormatTime(a.At))
	f.put("state_reason", a.Reason)
}

func (f Fields) putAllow(allow Networks, mode AllowMode) {
	f.put("allow", allow.String())
	if mode == Observe {
		f.put("allow_mode", mode.String())
	}
}
