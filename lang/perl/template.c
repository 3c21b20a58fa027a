// SPDX-License-Identifier: Apache-2.0
/*
 * Remuda::Template: remuda_template.h for Perl. There is one template in a process, or none: then its
 * functions do nothing and say so. fork(2) is called here and not by Perl's fork, which would flush what
 * handles hold: each fork must find it as it is.
 */
#include "perl_headers.h"

static remuda_template* the_template;  // Perl has no better place for what a process has one of

/* --- A fork is like a process that was started anew ------------------------------------------- */

static void store_variable(pTHX_ HV* variables, const char* entry) {
  const char* equals = strchr(entry, '=');
  if (!equals || equals == entry) return;
  SV* value = newSVpv(equals + 1, 0);
  if (TAINTING_get) SvTAINTED_on(value);
  (void)hv_store(variables, entry, (I32)(equals - entry), value, 0);
}

// As when an interpreter starts: the elements write to libc's environment, and it is not written to here.
static void renew_environment(pTHX) {
  HV* variables = GvHVn(PL_envgv);
  PL_origenviron = environ;  // copied before it is written to, never freed
  sv_unmagic((SV*)variables, PERL_MAGIC_env);
  sv_unmagic((SV*)variables, PERL_MAGIC_uvar);
  hv_clear(variables);
  hv_magic(variables, NULL, PERL_MAGIC_env);
  for (char** entry = environ; entry && *entry; ++entry) store_variable(aTHX_ variables, *entry);
  TAINT_NOT;
}

void remuda_perl_renew(pTHX) {
  renew_environment(aTHX);
  PL_basetime = time(NULL);
  PL_srand_called = FALSE;
}

/* --- Functions -------------------------------------------------------------------------------- */

// Remuda::Template::open(): whether this process is to be a template.
static XS(template_open) {
  dXSARGS;
  PERL_UNUSED_VAR(items);
  if (!the_template) the_template = remuda_template_open();
  if (!the_template && errno != ENOENT) croak("the template's channel: %s", Strerror(errno));
  ST(0) = boolSV(the_template != NULL);
  XSRETURN(1);
}

static void with_text(pTHX_ CV* cv, int function(remuda_template*, const char*)) {
  dXSARGS;
  if (items != 1) croak_xs_usage(cv, "text");
  int done = the_template ? function(the_template, SvPV_nolen_const(ST(0))) : -1;
  ST(0) = boolSV(done == 0);
  XSRETURN(1);
}

static XS(template_step) { with_text(aTHX_ cv, remuda_template_step); }
static XS(template_warn) { with_text(aTHX_ cv, remuda_template_warn); }
static XS(template_watch) { with_text(aTHX_ cv, remuda_template_watch); }
static XS(template_watch_closely) { with_text(aTHX_ cv, remuda_template_watch_closely); }
static XS(template_unfit) { with_text(aTHX_ cv, remuda_template_unfit); }

// Remuda::Template::serve(): all is loaded. Returns in forks; the template ends here.
static XS(template_serve) {
  dXSARGS;
  PERL_UNUSED_VAR(items);
  if (!the_template || remuda_template_ready(the_template) < 0) _exit(1);
  remuda_perl_settle_heap(aTHX);
  while (remuda_template_wait(the_template) > 0) {
    pid_t pid = fork();
    if (pid == 0) {
      if (remuda_template_child(the_template) < 0) _exit(1);
      the_template = NULL;
      remuda_perl_renew(aTHX);
      XSRETURN_EMPTY;
    }
    remuda_template_parent(the_template, pid);
  }
  _exit(0);
}

// Remuda::Template::end(): without END blocks, destructors and what handles still hold.
static XS(template_end) {
  dXSARGS;
  PERL_UNUSED_VAR(items);
  _exit(0);
}

void remuda_perl_boot_template(pTHX) {
  static const RemudaFunction kFunctions[] = {
      {"Remuda::Template::open", template_open},
      {"Remuda::Template::step", template_step},
      {"Remuda::Template::warn", template_warn},
      {"Remuda::Template::watch", template_watch},
      {"Remuda::Template::watch_closely", template_watch_closely},
      {"Remuda::Template::unfit", template_unfit},
      {"Remuda::Template::serve", template_serve},
      {"Remuda::Template::end", template_end},
  };
  remuda_perl_define(aTHX_ kFunctions, C_ARRAY_LENGTH(kFunctions));
}
