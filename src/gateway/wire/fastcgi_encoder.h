// SPDX-License-Identifier: Apache-2.0
//
// The records that a server sends, appended to what waits to be sent on a connection. Pure.
//
// Every record is a multiple of 8 bytes (section 3.3), reserved bytes and padding are zero, and each
// name-value pair stands whole inside one PARAMS record, because php-fpm wants that.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/wire/fastcgi_protocol.h"

namespace remuda::gateway::wire {

enum class KeepConnection : uint8_t { kNo, kYes };

void append_fastcgi_begin(uint16_t request, FastcgiRole role, KeepConnection keep, std::string& out);

// `variables`: "NAME=value\0" one after the other; the empty record at the end is appended as well. False if
// one pair does not fit into a record (65535 bytes): `out` is then as it was.
bool append_fastcgi_params(uint16_t request, std::string_view variables, std::string& out);

// `content` of STDIN or DATA in as many records as it takes; nothing if it is empty, which would end it.
void append_fastcgi_stream(uint16_t request, FastcgiType type, std::string_view content, std::string& out);
void append_fastcgi_stream_end(uint16_t request, FastcgiType type, std::string& out);

void append_fastcgi_abort(uint16_t request, std::string& out);

// Asks for all that can be asked for (section 4.1).
void append_fastcgi_get_values(std::string& out);

}  // namespace remuda::gateway::wire
