/* mailbox.c - messages from other threads. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/mailbox.h"

static struct mail *take_all(struct mailbox *mailbox)
{
	struct mail *all;

	(void)pthread_mutex_lock(&mailbox->lock);
	all = mailbox->first;
	mailbox->first = mailbox->last = NULL;
	(void)pthread_mutex_unlock(&mailbox->lock);
	return all;
}

static void run_all(struct mailbox *mailbox)
{
	struct mail *mail = take_all(mailbox);

	while (mail) {
		struct mail *next = mail->next;

		mail->next = NULL;
		mail->run(mail);
		mail = next;
	}
}

static void on_wake(uv_async_t *wake)
{
	run_all(wake->data);
}

int mailbox_open(struct mailbox *mailbox, struct loop *loop, struct err *err)
{
	*mailbox = (struct mailbox){ 0 };
	if (uv_async_init(&loop->uv, &mailbox->wake, on_wake) != 0)
		return err_set(err, ERR_SYSTEM, "cannot make a mailbox for a thread");
	(void)pthread_mutex_init(&mailbox->lock, NULL);
	mailbox->wake.data = mailbox;
	loop->mailbox = mailbox;
	return 0;
}

void mailbox_close(struct mailbox *mailbox)
{
	run_all(mailbox);
	uv_close((uv_handle_t *)&mailbox->wake, NULL);
	(void)pthread_mutex_destroy(&mailbox->lock);
}

void mailbox_post(struct mailbox *mailbox, struct mail *mail)
{
	bool sleeps;

	mail->next = NULL;
	(void)pthread_mutex_lock(&mailbox->lock);
	sleeps = !mailbox->first;
	if (sleeps)
		mailbox->first = mail;
	else
		mailbox->last->next = mail;
	mailbox->last = mail;
	(void)pthread_mutex_unlock(&mailbox->lock);
	/* One bell for all that is taken together. */
	if (sleeps)
		(void)uv_async_send(&mailbox->wake);
}
