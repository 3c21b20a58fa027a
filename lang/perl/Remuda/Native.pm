# SPDX-License-Identifier: Apache-2.0
# The compiled part. Loaded without a module of Perl's own, so that a program finds %INC as it would without us.
package Remuda::Native;

my ($here) = __FILE__ =~ m{^(.*)/Remuda/Native\.pm\z}s;
my $file = "$here/Remuda-$].so";
-e $file or die "remuda: there is no $file: it is built for the Perl it is used with (Debian package libperl-dev)\n";
DynaLoader::boot_DynaLoader('DynaLoader') if !defined &DynaLoader::dl_load_file;
my $library = DynaLoader::dl_load_file($file, 0) or die 'remuda: ' . DynaLoader::dl_error() . "\n";
my $boot = DynaLoader::dl_find_symbol($library, 'boot_Remuda') or die "remuda: $file is not ours\n";
&{DynaLoader::dl_install_xsub('Remuda::bootstrap', $boot, $file)}('Remuda');
undef &Remuda::bootstrap;

1;
