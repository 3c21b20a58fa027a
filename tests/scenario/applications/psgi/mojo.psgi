# SPDX-License-Identifier: Apache-2.0
# A Mojolicious application: a form, a session, an upload, a page that is missing, one that fails.
use Mojolicious::Lite -signatures;

app->secrets(['only for this test']);
app->log->level('warn');

get '/hello/:name' => sub ($c) { $c->render(text => 'Hello ' . $c->param('name')) };
get '/basket'      => sub ($c) { $c->render(text => 'basket ' . ($c->session('basket') // 0)) };
post '/basket' => sub ($c) {
    $c->session(basket => ($c->session('basket') // 0) + $c->param('count'));
    $c->redirect_to('/basket');
};
post '/picture' => sub ($c) {
    my $picture = $c->req->upload('picture');
    $c->render(text => $picture->filename . ' ' . $picture->size);
};
get '/fails' => sub { die "the reason\n" };

app->start;
