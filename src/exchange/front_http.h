/* front_http.h - clients over Streamable HTTP, both eras, on one endpoint. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "exchange/worker.h"
#include "http/server.h"

/* For http_server_new(): `owner` is the worker. */
void front_http_on_request(void *owner, struct http_request *request, const struct http_head *head,
			   struct span body);

/* For its options: what the head of a message decides is decided before its body is read. */
bool front_http_on_head(void *owner, struct http_request *request, const struct http_head *head);

/* The same for the listener that only shows metrics and health, and takes no body. */
void front_metrics_on_request(void *owner, struct http_request *request, const struct http_head *head,
			      struct span body);
bool front_metrics_on_head(void *owner, struct http_request *request, const struct http_head *head);
