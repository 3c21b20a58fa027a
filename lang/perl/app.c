// SPDX-License-Identifier: Apache-2.0
/*
 * Remuda::App: remuda_app.h for Perl, as much as PSGI needs. One remuda_app, one thread, one request at a
 * time. A request is an integer to Perl (its address); Remuda::PSGI sees to it that none is used when it is
 * finished. Bodies cross without a copy of their own where the string they stand in is bytes.
 */
#include "perl_headers.h"

static remuda_app* the_app;

static remuda_request* request_of(pTHX_ SV* value) {
  remuda_request* request = INT2PTR(remuda_request*, SvIV(value));
  if (!request) croak("the request is over");
  return request;
}

/* --- What was asked --------------------------------------------------------------------------- */

// Remuda::App::open(): whether this is one request, as CGI.
static XS(app_open) {
  dXSARGS;
  PERL_UNUSED_VAR(items);
  if (!the_app) the_app = remuda_open(NULL);
  if (!the_app) croak("cannot serve: %s", Strerror(errno));
  ST(0) = boolSV(remuda_is_cgi(the_app));
  XSRETURN(1);
}

static int is_left_out(const remuda_view* name, const remuda_view* value) {
  return value->size == 0 && name->size > 8 && memcmp(name->data, "CONTENT_", 8) == 0;
}

static void add_variables(pTHX_ remuda_request* request, HV* environment) {
  remuda_view name;
  remuda_view value;
  for (size_t i = 0; remuda_param_at(request, i, &name, &value); ++i) {
    if (is_left_out(&name, &value)) continue;
    (void)hv_store(environment, name.data, (I32)name.size, newSVpvn(value.data, value.size), 0);
  }
}

// Remuda::App::accept(\%ENVIRONMENT): the next request, its variables added; 0: the end.
static XS(app_accept) {
  dXSARGS;
  if (items != 1 || !SvROK(ST(0))) croak_xs_usage(cv, "environment");
  HV* environment = (HV*)SvRV(ST(0));
  remuda_request* request;
  while (!(request = remuda_accept(the_app)) && errno == EINTR) PERL_ASYNC_CHECK();
  if (request) add_variables(aTHX_ request, environment);
  ST(0) = sv_2mortal(newSViv(PTR2IV(request)));
  XSRETURN(1);
}

// Remuda::App::read(REQUEST, BUFFER, SIZE, OFFSET): as read() of Perl; undef when the client has gone.
static XS(app_read) {
  dXSARGS;
  if (items != 4) croak_xs_usage(cv, "request, buffer, size, offset");
  SV* buffer = ST(1);
  STRLEN had;
  const STRLEN size = SvUV(ST(2));
  const STRLEN offset = SvUV(ST(3));
  if (!SvOK(buffer)) sv_setpvs(buffer, "");
  (void)SvPVbyte_force(buffer, had);
  char* bytes = SvGROW(buffer, offset + size + 1);
  if (offset > had) Zero(bytes + had, offset - had, char);
  const ssize_t got = size ? remuda_read(request_of(aTHX_ ST(0)), bytes + offset, size) : 0;
  SvCUR_set(buffer, offset + (got > 0 ? (STRLEN)got : 0));
  *SvEND(buffer) = '\0';
  SvSETMAGIC(buffer);
  ST(0) = got < 0 ? &PL_sv_undef : sv_2mortal(newSViv(got));
  XSRETURN(1);
}

/* --- What is answered ------------------------------------------------------------------------- */

static SV* write_bytes(pTHX_ SV* request, SV* value, ssize_t function(remuda_request*, const void*, size_t)) {
  STRLEN size;
  const char* bytes = SvPVbyte(value, size);
  return boolSV(size == 0 || function(request_of(aTHX_ request), bytes, size) >= 0);
}

// Remuda::App::write(REQUEST, BYTES): false when the client has gone.
static XS(app_write) {
  dXSARGS;
  if (items != 2) croak_xs_usage(cv, "request, bytes");
  ST(0) = write_bytes(aTHX_ ST(0), ST(1), remuda_write);
  XSRETURN(1);
}

// Remuda::App::log(REQUEST, BYTES)
static XS(app_log) {
  dXSARGS;
  if (items != 2) croak_xs_usage(cv, "request, bytes");
  ST(0) = write_bytes(aTHX_ ST(0), ST(1), remuda_log);
  XSRETURN(1);
}

// Remuda::App::flush(REQUEST): what was written leaves now.
static XS(app_flush) {
  dXSARGS;
  if (items != 1) croak_xs_usage(cv, "request");
  ST(0) = boolSV(remuda_flush(request_of(aTHX_ ST(0))) == 0);
  XSRETURN(1);
}

// Remuda::App::finish(REQUEST, WHOLE): false when nobody waits for the answer any more.
static XS(app_finish) {
  dXSARGS;
  if (items != 2) croak_xs_usage(cv, "request, whole");
  const int status = SvTRUE(ST(1)) ? 0 : REMUDA_BROKEN;
  ST(0) = boolSV(remuda_finish(request_of(aTHX_ ST(0)), status) == 0);
  XSRETURN(1);
}

// Remuda::App::stop()
static XS(app_stop) {
  dXSARGS;
  PERL_UNUSED_VAR(items);
  remuda_stop(the_app);
  XSRETURN_EMPTY;
}

// Remuda::App::close(): what the program should end with.
static XS(app_close) {
  dXSARGS;
  PERL_UNUSED_VAR(items);
  ST(0) = sv_2mortal(newSViv(remuda_close(the_app)));
  the_app = NULL;
  XSRETURN(1);
}

void remuda_perl_boot_app(pTHX) {
  static const RemudaFunction kFunctions[] = {
      {"Remuda::App::open", app_open},     {"Remuda::App::accept", app_accept},
      {"Remuda::App::read", app_read},     {"Remuda::App::write", app_write},
      {"Remuda::App::log", app_log},       {"Remuda::App::flush", app_flush},
      {"Remuda::App::finish", app_finish}, {"Remuda::App::stop", app_stop},
      {"Remuda::App::close", app_close},
  };
  remuda_perl_define(aTHX_ kFunctions, C_ARRAY_LENGTH(kFunctions));
}
