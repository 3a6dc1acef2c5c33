/* library.c - scans documents for schemas, names and anchors; follows references. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/library.h"

#include <stdarg.h>

#include "schema/uri.h"
#include "schema/vector.h"
#include "json/pointer.h"

enum {
	TEXT_BYTES = 4 << 20, /* names and URIs of one compilation */
	URI_BYTES = 4096,
	NOT_FOUND = -2, /* of a fragment: nothing is wrong but nothing is there */
};

/* A schema that is still to be scanned. */
struct pending {
	json_at at;
	uint32_t resource;
};

const struct place *library_place(const struct library *library, uint32_t place)
{
	return &VECTOR(&library->places, struct place)[place];
}

const struct resource *library_resource(const struct library *library, uint32_t resource)
{
	return &VECTOR(&library->resources, struct resource)[resource];
}

const struct document *library_document(const struct library *library, uint32_t document)
{
	return &VECTOR(&library->documents, struct document)[document];
}

uint32_t library_place_at(const struct library *library, uint32_t document, json_at at)
{
	const struct document *d = library_document(library, document);

	return d->places[at - d->root] - 1;
}

int library_refuse(struct library *library, uint32_t document, json_at at, const char *format, ...)
{
	CLEANUP(buf_release) struct buf pointer = BUF_INIT(160);
	char text[300];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_pointer_to(library_document(library, document)->json, at, &pointer);
	return err_set(library->err, ERR_FORMAT, "at \"%.*s\": %s", SPAN_ARG(buf_span(&pointer)), text);
}

bool library_charge(struct library *library, uint64_t price)
{
	if (library->steps >= price) {
		library->steps -= price;
		return true;
	}
	library->steps = 0;
	(void)err_set(library->err, ERR_LIMIT, "resolving a schema's references costs too much");
	return false;
}

static int no_memory(struct library *library)
{
	return err_set(library->err, ERR_LIMIT, "a schema is too large");
}

/* The decoded string, kept until the library is released; p == NULL where it does not fit. */
static struct span keep_string(struct library *library, const struct json *json, json_at at)
{
	struct span text;

	buf_clear(&library->scratch);
	text = json_string(json, at, &library->scratch);
	return text.p ? arena_dup(&library->texts, text) : text;
}

/* What `reference` means from `base`, kept. */
static struct span keep_resolved(struct library *library, struct span base, struct span reference)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(URI_BYTES);

	uri_resolve(base, reference, &out);
	return buf_ok(&out) ? arena_dup(&library->texts, buf_span(&out)) : span_of(NULL, 0);
}

static uint32_t find_resource(const struct library *library, struct span uri)
{
	const struct resource *all = VECTOR(&library->resources, struct resource);
	uint32_t n = VECTOR_N(&library->resources, struct resource);

	for (uint32_t i = 0; i < n; i++) {
		if (span_eq(all[i].uri, uri) || (all[i].retrieval.n && span_eq(all[i].retrieval, uri)))
			return i;
	}
	return LIBRARY_NONE;
}

static const struct schema_document *find_handed(const struct library *library, struct span uri)
{
	for (size_t i = 0; i < library->options->n_documents; i++) {
		if (span_eq(library->options->documents[i].uri, uri))
			return &library->options->documents[i];
	}
	return NULL;
}

/* http or https, with or without an empty fragment: authors write all four. */
static enum draft draft_of(struct span uri)
{
	if (uri.n && uri.p[uri.n - 1] == '#')
		uri.n--;
	if (span_starts(uri, S("https://")))
		uri = span_skip(uri, 8);
	else if (span_starts(uri, S("http://")))
		uri = span_skip(uri, 7);
	if (span_eq(uri, S("json-schema.org/draft/2020-12/schema")))
		return DRAFT_2020_12;
	return span_eq(uri, S("json-schema.org/draft-07/schema")) ? DRAFT_07 : (enum draft)0;
}

/* One member of $vocabulary. False for a vocabulary that is required and unknown here. */
static bool read_vocabulary(const struct json *json, json_at key, struct resource *resource)
{
	static const struct span known[] = {
		SPAN("core"),	   SPAN("applicator"),	      SPAN("unevaluated"),
		SPAN("meta-data"), SPAN("format-annotation"), SPAN("content"),
	};
	const struct span head = S("https://json-schema.org/draft/2020-12/vocab/");
	struct span name = json_string_raw(json, key);

	if (!json_is(json, key + 1, JSON_TRUE) && !json_is(json, key + 1, JSON_FALSE))
		return false;
	if (!span_starts(name, head))
		return json_is(json, key + 1, JSON_FALSE);
	name = span_skip(name, head.n);
	if (span_eq(name, S("validation")))
		resource->validates = true;
	else if (span_eq(name, S("format-assertion")))
		resource->asserts_formats = true;
	else
		for (size_t i = 0; !span_eq(known[i], name); i++) {
			if (i + 1 == COUNT(known))
				return json_is(json, key + 1, JSON_FALSE);
		}
	return true;
}

/* A metaschema of somebody: one of 2020-12 that chooses vocabularies. */
static bool read_metaschema(const struct schema_document *document, struct resource *resource)
{
	const struct json *json = document->json;
	json_at dialect = json_get(json, document->at, S("$schema"));
	json_at vocabulary = json_get(json, document->at, S("$vocabulary"));

	if (!json_is(json, dialect, JSON_STRING) || draft_of(json_string_raw(json, dialect)) != DRAFT_2020_12)
		return false;
	resource->draft = DRAFT_2020_12;
	if (!json_is(json, vocabulary, JSON_OBJECT))
		return vocabulary == JSON_NONE;
	resource->validates = false;
	for (json_at k = json_first(json, vocabulary); k != JSON_NONE;
	     k = json_next_key(json, vocabulary, k)) {
		if (!read_vocabulary(json, k, resource))
			return false;
	}
	return true;
}

/* $schema of the root of a resource. */
static int read_dialect(struct library *library, json_at at, struct resource *resource)
{
	const struct json *json = library_document(library, resource->document)->json;
	json_at value = json_get(json, at, S("$schema"));
	const struct schema_document *document;
	struct span uri;

	if (value == JSON_NONE)
		return 0;
	if (!json_is(json, value, JSON_STRING))
		return library_refuse(library, resource->document, value, "$schema must be a string");
	uri = keep_string(library, json, value);
	if (!uri.p)
		return no_memory(library);
	if (draft_of(uri)) {
		resource->draft = draft_of(uri);
		resource->validates = true;
		return 0;
	}
	document = find_handed(library, span_first(uri, span_find(uri, '#')));
	if (document && read_metaschema(document, resource))
		return 0;
	return library_refuse(library, resource->document, value,
			      "the dialect \"%.*s\" is not known; JSON Schema 2020-12 and draft-07 are",
			      SPAN_ARG(span_first(uri, 160)));
}

static int add_anchor(struct library *library, uint32_t resource, struct span name, bool dynamic)
{
	struct anchor anchor = { .name = name,
				 .resource = resource,
				 .place = VECTOR_N(&library->places, struct place),
				 .dynamic = dynamic };

	if (!name.p)
		return no_memory(library);
	VECTOR_ADD(&library->anchors, &anchor);
	return buf_ok(&library->anchors) ? 0 : no_memory(library);
}

static int read_anchor(struct library *library, uint32_t document, json_at at, uint32_t resource,
		       bool dynamic)
{
	const struct json *json = library_document(library, document)->json;
	const struct span word = dynamic ? S("$dynamicAnchor") : S("$anchor");
	json_at value = json_get(json, at, word);

	if (value == JSON_NONE)
		return 0;
	if (!json_is(json, value, JSON_STRING))
		return library_refuse(library, document, value, "%s must be a string", word.p);
	return add_anchor(library, resource, keep_string(library, json, value), dynamic);
}

/* Gives the schema at `at` the name `uri`: the root of a document gets it, another begins a resource. */
static int begin_resource(struct library *library, uint32_t document, json_at at, struct span uri,
			  uint32_t *resource)
{
	struct resource *all = VECTOR(&library->resources, struct resource);
	struct resource inner = all[*resource];
	uint32_t other;

	if (!uri.p)
		return no_memory(library);
	other = find_resource(library, uri);
	if (at == library_document(library, document)->root) {
		if (other != LIBRARY_NONE && other != *resource)
			return library_refuse(library, document, at, "two schemas have the same $id");
		all[*resource].uri = uri;
		return 0;
	}
	if (other != LIBRARY_NONE)
		return library_refuse(library, document, at, "two schemas have the same $id");
	inner.uri = uri;
	inner.retrieval = S("");
	inner.root = at;
	if (read_dialect(library, at, &inner) < 0)
		return -1;
	*resource = VECTOR_N(&library->resources, struct resource);
	VECTOR_ADD(&library->resources, &inner);
	return buf_ok(&library->resources) ? 0 : no_memory(library);
}

/* $id: a name for what follows and, in draft-07, an anchor in its fragment. */
static int read_id(struct library *library, uint32_t document, json_at at, uint32_t *resource,
		   struct span *anchor)
{
	const struct json *json = library_document(library, document)->json;
	json_at value = json_get(json, at, S("$id"));
	struct span text, uri;

	if (value == JSON_NONE)
		return 0;
	if (!json_is(json, value, JSON_STRING))
		return library_refuse(library, document, value, "$id must be a string");
	text = keep_string(library, json, value);
	if (!text.p)
		return no_memory(library);
	uri = span_cut(&text, '#');
	if (text.n && library_resource(library, *resource)->draft != DRAFT_07)
		return library_refuse(library, document, value, "$id must not have a fragment");
	*anchor = text;
	if (uri.n == 0)
		return 0;
	uri = keep_resolved(library, library_resource(library, *resource)->uri, uri);
	return begin_resource(library, document, at, uri, resource);
}

/* The names an object gives itself. In draft-07 a $ref hides everything beside it. */
static int read_names(struct library *library, uint32_t document, json_at at, uint32_t *resource)
{
	const struct json *json = library_document(library, document)->json;
	bool hidden = library_resource(library, *resource)->draft == DRAFT_07 &&
		      json_get(json, at, S("$ref")) != JSON_NONE;
	struct span anchor = S("");

	if (!hidden && read_id(library, document, at, resource, &anchor) < 0)
		return -1;
	if (anchor.n && add_anchor(library, *resource, anchor, false) < 0)
		return -1;
	if (library_resource(library, *resource)->draft == DRAFT_07)
		return 0;
	if (read_anchor(library, document, at, *resource, false) < 0)
		return -1;
	return read_anchor(library, document, at, *resource, true);
}

static void push(struct library *library, json_at at, uint32_t resource)
{
	struct pending item = { .at = at, .resource = resource };

	VECTOR_ADD(&library->pending, &item);
}

static int push_list(struct library *library, uint32_t document, json_at at, enum keyword keyword,
		     uint32_t resource)
{
	const struct json *json = library_document(library, document)->json;

	if (!json_is(json, at, JSON_ARRAY) || json->tokens[at].count == 0)
		return library_refuse(library, document, at, "%s must be an array of at least one schema",
				      keyword_name(keyword));
	for (json_at e = json_first(json, at); e != JSON_NONE; e = json_next(json, at, e))
		push(library, e, resource);
	return 0;
}

static int push_map(struct library *library, uint32_t document, json_at at, enum keyword keyword,
		    uint32_t resource)
{
	const struct json *json = library_document(library, document)->json;

	if (!json_is(json, at, JSON_OBJECT))
		return library_refuse(library, document, at, "%s must be an object", keyword_name(keyword));
	for (json_at k = json_first(json, at); k != JSON_NONE; k = json_next_key(json, at, k)) {
		if (keyword_shape(keyword) == SHAPE_MAP || !json_is(json, k + 1, JSON_ARRAY))
			push(library, k + 1, resource);
	}
	return 0;
}

/* Puts the schemas in a keyword's value before the scan. */
static int push_children(struct library *library, uint32_t document, json_at value, enum keyword keyword,
			 uint32_t resource)
{
	const struct json *json = library_document(library, document)->json;

	switch (keyword_shape(keyword)) {
	case SHAPE_NONE:
		return 0;
	case SHAPE_SCHEMA:
		push(library, value, resource);
		return 0;
	case SHAPE_LIST:
		return push_list(library, document, value, keyword, resource);
	case SHAPE_MAP:
	case SHAPE_DEPENDENCIES:
		return push_map(library, document, value, keyword, resource);
	case SHAPE_ITEMS:
		if (!json_is(json, value, JSON_ARRAY)) {
			push(library, value, resource);
			return 0;
		}
		if (library_resource(library, resource)->draft != DRAFT_07)
			return library_refuse(library, document, value,
					      "items must be a schema; prefixItems takes an array");
		/* An empty array says nothing. */
		if (json->tokens[value].count == 0)
			return 0;
		return push_list(library, document, value, keyword, resource);
	}
	return 0;
}

/* Registers one schema and puts its children before the scan. */
static int scan_one(struct library *library, uint32_t document, struct pending item)
{
	const struct document *d = library_document(library, document);
	const struct json *json = d->json;
	struct place place = { .document = document, .at = item.at, .resource = item.resource };
	bool object = json_is(json, item.at, JSON_OBJECT);

	if (d->places[item.at - d->root])
		return 0;
	if (!object && !json_is(json, item.at, JSON_TRUE) && !json_is(json, item.at, JSON_FALSE))
		return library_refuse(library, document, item.at, "a schema must be an object or a boolean");
	if (object && read_names(library, document, item.at, &place.resource) < 0)
		return -1;
	VECTOR_ADD(&library->places, &place);
	if (!buf_ok(&library->places))
		return err_set(library->err, ERR_LIMIT, "a schema has more than %d subschemas",
			       SCHEMA_SUBSCHEMAS);
	d->places[item.at - d->root] = VECTOR_N(&library->places, struct place);
	if (!object)
		return 0;
	for (json_at k = json_first(json, item.at); k != JSON_NONE; k = json_next_key(json, item.at, k)) {
		enum keyword keyword = keyword_of(json, k, library_resource(library, place.resource)->draft);

		if (push_children(library, document, k + 1, keyword, place.resource) < 0)
			return -1;
	}
	return 0;
}

/* Scans the schema at `at` and everything in it that is a schema. */
static int scan(struct library *library, uint32_t document, json_at at, uint32_t resource)
{
	library->pending.n = 0;
	push(library, at, resource);
	while (library->pending.n) {
		struct pending item;

		library->pending.n -= sizeof(item);
		memcpy(&item, library->pending.p + library->pending.n, sizeof(item));
		if (scan_one(library, document, item) < 0)
			return -1;
		if (!buf_ok(&library->pending))
			return no_memory(library);
	}
	return 0;
}

/* Takes a document in; its root resource comes first. */
static int add_document(struct library *library, const struct json *json, json_at at, struct span uri,
			enum draft draft)
{
	struct document document = { .json = json, .root = at };
	struct resource resource = {
		.uri = uri, .retrieval = uri, .root = at, .draft = draft, .validates = true
	};
	uint32_t index = VECTOR_N(&library->resources, struct resource);

	resource.document = VECTOR_N(&library->documents, struct document);
	resource.asserts_formats = library->options->assert_formats;
	document.places = calloc(json->tokens[at].next - at, sizeof(uint32_t));
	if (!document.places)
		return no_memory(library);
	VECTOR_ADD(&library->documents, &document);
	if (!buf_ok(&library->documents)) {
		free(document.places);
		return no_memory(library);
	}
	if (json_is(json, at, JSON_OBJECT) && read_dialect(library, at, &resource) < 0)
		return -1;
	VECTOR_ADD(&library->resources, &resource);
	if (!buf_ok(&library->resources))
		return no_memory(library);
	return scan(library, resource.document, at, index);
}

int library_open(struct library *library, const struct json *json, json_at at,
		 const struct schema_options *options, struct err *err)
{
	*library = (struct library){
		.options = options,
		.texts = ARENA_INIT(TEXT_BYTES),
		.documents = BUF_INIT(SCHEMA_RESOURCES * sizeof(struct document)),
		.resources = BUF_INIT(SCHEMA_RESOURCES * sizeof(struct resource)),
		.anchors = BUF_INIT(SCHEMA_RESOURCES * sizeof(struct anchor)),
		.places = BUF_INIT(SCHEMA_SUBSCHEMAS * sizeof(struct place)),
		.pending = BUF_INIT(SCHEMA_SUBSCHEMAS * sizeof(struct pending)),
		.scratch = BUF_INIT(1 << 16),
		.steps = SCHEMA_COMPILE_STEPS,
		.err = err,
	};
	return add_document(library, json, at, S(""),
			    options->dialect == SCHEMA_DRAFT_07 ? DRAFT_07 : DRAFT_2020_12);
}

void library_release(struct library *library)
{
	for (uint32_t i = 0; i < VECTOR_N(&library->documents, struct document); i++)
		free(VECTOR(&library->documents, struct document)[i].places);
	arena_release(&library->texts);
	buf_release(&library->documents);
	buf_release(&library->resources);
	buf_release(&library->anchors);
	buf_release(&library->places);
	buf_release(&library->pending);
	buf_release(&library->scratch);
}

/* The resource of a name, read from the documents handed over where it is not here yet. */
static int need_resource(struct library *library, uint32_t from, json_at ref, struct span uri, uint32_t *out)
{
	const struct place *place = library_place(library, from);
	enum draft draft = library_resource(library, place->resource)->draft;
	const struct schema_document *document;

	*out = find_resource(library, uri);
	if (*out != LIBRARY_NONE)
		return 0;
	document = find_handed(library, uri);
	if (!document)
		return library_refuse(
		    library, place->document, ref,
		    "the reference \"%.*s\" leads out of the schema, and nothing is fetched",
		    SPAN_ARG(span_first(uri, 160)));
	*out = VECTOR_N(&library->resources, struct resource);
	return add_document(library, document->json, document->at, document->uri, draft);
}

/* The resource around a value that is no known schema's: the innermost schema's it stands in. */
static uint32_t resource_around(const struct library *library, uint32_t document, json_at at)
{
	const struct document *d = library_document(library, document);
	json_at around = at;

	while (around > d->root && (!d->places[around - d->root] || d->json->tokens[around].next <= at))
		around--;
	return library_place(library, d->places[around - d->root] - 1)->resource;
}

/* A schema by JSON Pointer, also where no keyword of the dialect expects one. */
static int resolve_pointer(struct library *library, uint32_t resource, struct span pointer, uint32_t *place)
{
	const struct resource *r = library_resource(library, resource);
	uint32_t index = r->document;
	const struct document *d = library_document(library, index);
	uint32_t size = d->json->tokens[d->root].next - d->root, around;
	json_at at;

	/* The pointer walks through siblings, the search for what is around through everything before. */
	if (!library_charge(library, 1 + size / 256))
		return -1;
	at = json_pointer(d->json, r->root, pointer);
	if (at == JSON_NONE)
		return NOT_FOUND;
	if (!d->places[at - d->root]) {
		if (!library_charge(library, size / 16))
			return -1;
		around = resource_around(library, index, at);
		if (scan(library, index, at, around) < 0)
			return -1;
	}
	*place = library_place_at(library, index, at);
	return 0;
}

static int resolve_anchor(const struct library *library, uint32_t resource, struct span name,
			  struct target *out)
{
	const struct anchor *all = VECTOR(&library->anchors, struct anchor);

	for (uint32_t i = 0; i < VECTOR_N(&library->anchors, struct anchor); i++) {
		if (all[i].resource != resource || !span_eq(all[i].name, name))
			continue;
		*out = (struct target){ .place = all[i].place, .anchor = all[i].dynamic ? i : LIBRARY_NONE };
		return 0;
	}
	return NOT_FOUND;
}

/* 0, -1 with the error set, or NOT_FOUND where the fragment names nothing. */
static int resolve_fragment(struct library *library, uint32_t resource, struct span fragment,
			    struct target *out)
{
	const struct resource *r = library_resource(library, resource);

	out->anchor = LIBRARY_NONE;
	if (fragment.n == 0) {
		out->place = library_place_at(library, r->document, r->root);
		return 0;
	}
	if (fragment.p[0] == '/')
		return resolve_pointer(library, resource, fragment, &out->place);
	return resolve_anchor(library, resource, fragment, out);
}

int library_resolve(struct library *library, uint32_t from, json_at ref, struct target *out)
{
	const struct place place = *library_place(library, from);
	const struct json *json = library_document(library, place.document)->json;
	CLEANUP(buf_release) struct buf decoded = BUF_INIT(URI_BYTES);
	struct span text, uri;
	uint32_t resource;
	int found;

	if (!json_is(json, ref, JSON_STRING))
		return library_refuse(library, place.document, ref, "a reference must be a string");
	text = keep_string(library, json, ref);
	uri = text.p ? span_first(text, span_find(text, '#')) : text;
	if (uri.p)
		uri = keep_resolved(library, library_resource(library, place.resource)->uri, uri);
	if (!uri.p)
		return no_memory(library);
	if (need_resource(library, from, ref, uri, &resource) < 0)
		return -1;
	uri_unescape(span_skip(text, span_find(text, '#') + 1), &decoded);
	found = buf_ok(&decoded) ? resolve_fragment(library, resource, buf_span(&decoded), out) : NOT_FOUND;
	if (found == NOT_FOUND)
		return library_refuse(library, place.document, ref, "the reference \"%.*s\" leads nowhere",
				      SPAN_ARG(span_first(text, 160)));
	return found;
}
