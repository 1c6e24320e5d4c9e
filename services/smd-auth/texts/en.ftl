# What a customer of PG&E reads, in English. Every other language has the same messages.

### The consent page

consent-title = Share your PG&E usage with { $operator }
consent-lead = { $operator } asks for a one-time copy of your energy usage. You decide at PG&E what to share, and nothing is fetched before you do.
consent-running-title = You authorized a short while ago
consent-running-text = You need not do it again. The page of that authorization shows how far it is.
consent-running-link = See how far it is
consent-details = What you agree to
consent-who = Who asks
consent-what = What
consent-what-text = How much electricity and gas you used, hour by hour or in the steps your meter keeps, for every service agreement you choose; and the customer name that PG&E has for it.
consent-back = How far back
consent-back-text = { $months ->
    [one] The last month. Nothing of what you use from now on.
   *[other] The last { $months } months. Nothing of what you use from now on.
 }
consent-purpose = What for
consent-purpose-text = For the service that you have asked { $operator } for. Ask them if you are not sure what that is.
consent-kept = How long it is kept
consent-kept-text = The file for { $operator }: { $files } days. Our working copy: { $readings } days after that file was written. Access to PG&E: only until the copy is complete.
consent-withdraw = How to withdraw
consent-withdraw-text = Before it is complete: end the authorization in your PG&E account. We stop and erase what we have fetched. Afterwards: ask { $operator } to erase the copy.
consent-next = What happens next
consent-next-login = You log in at PG&E and choose what to share. We never see your password.
consent-next-fetch = You come back here, and we fetch the copy. That takes some minutes; you need not wait.
consent-next-end = We end the authorization at PG&E ourselves, and you get a receipt number.
consent-continue = Continue to PG&E
consent-refuse = You do not want this? Close this page. Nothing is fetched, and nobody is told.
consent-cookies = The only cookies of this page remember for a short while that you started here, and the language if you choose one. There is no tracking.

### The progress page

progress-looking-title = Thank you
progress-looking-text = You have authorized us. We are looking at what you have shared.
progress-fetching-title = Fetching your usage
progress-fetching-text = { $meters ->
    [one] One meter is being read, one period after the other.
   *[other] { $meters } meters are being read, one period after the other.
 }
progress-finishing-title = Almost done
progress-finishing-text = Everything is fetched; we are finishing.
progress-bar = { $received } of { $windows } parts fetched
progress-steps = Steps
progress-step-authorized = Authorization received
progress-step-fetched = Usage fetched
progress-step-delivered = File delivered
progress-step-ended = Authorization at PG&E ended
progress-step-done = done
progress-step-now = under way
progress-step-later = to come
progress-leave = You may close this page: the work goes on. To see how far it is, come back to this address; a bookmark helps.

### The end

done-title = Done
done-text = Your usage was delivered to { $operator }, and the authorization at PG&E is ended. There is nothing more for you to do.
done-what = What was delivered
done-what-text = { $meters ->
    [one] The usage of one meter from { $from } to { $until }.
   *[other] The usage of { $meters } meters from { $from } to { $until }.
 }
done-what-erased = A file for { $operator }. Our working copy is erased already.
done-authorization = Authorization at PG&E
done-authorization-text = Closed. Nothing more can be fetched with it.
receipt = Receipt number
receipt-text = Tell it to { $operator } when you ask about this copy. It opens nothing, and nobody learns anything from it.
done-kept = How long it is kept
done-kept-text = The file: { $files } days. Our working copy: { $days } days.
done-erasure = How to have it erased
done-erasure-text = Ask { $operator } at any time, and tell the receipt number.
contact = Contact

failed-title = Your usage could not be fetched
failed-text = Please start again.
failed-next-ended = What had been fetched is being erased. The authorization at PG&E is ended. You can start again whenever you like.
failed-next-ending = What had been fetched is being erased, and we are ending the authorization at PG&E. You can start again whenever you like.
withdrawn-title = The authorization has ended
withdrawn-text = PG&E tells us that you withdrew your consent or authorized again. We have stopped and erased what we had fetched here.
withdrawn-next = You need do nothing. If you did not mean to, you can start again.
superseded-title = You have authorized again
superseded-text = Your newer authorization replaced this one; its own page shows how far it is.
superseded-next = You need do nothing here.
erased-title = Erased
erased-text = The data of this authorization has been erased.
erased-next = You need do nothing. Nothing of it can be fetched again without your consent.

### What goes wrong, in words; each sentence also stands where the fetching is done

failure-slow = PG&E limits how fast we may ask. We go on by ourselves in a while.
failure-away = PG&E cannot be reached at the moment. We try again by ourselves.
failure-expired = Your authorization at PG&E has expired or was withdrawn. Please start again.
failure-not-allowed = PG&E no longer lets us read your data: the authorization has ended or does not cover it. Please start again if you wish us to go on.
failure-unreadable = PG&E's answer could not be read. The operator of this service has been told.
failure-access = Something is wrong with our own access to PG&E, not with your account. The operator of this service has been told.
failure-our-fault = Something is wrong on our side. The operator of this service has been told.
failure-broke-off = PG&E's answer broke off. We try again by ourselves.
failure-ours = Something went wrong on our side. We try again by ourselves.
failure-ours-stopped = Something went wrong on our side, and we have stopped trying. Please start again later.
failure-away-stopped = PG&E could not be reached for too long, and we have stopped trying. Please start again later.
failure-nothing-shared = PG&E says that you shared no service agreement with usage. Please start again and choose at least one.
failure-never-delivered = PG&E announced your usage but never delivered it. Please start again later.
failure-late = PG&E did not deliver your usage in time. Please start again.
failure-no-usage = PG&E has no usage of yours yet for the time we asked for. Please start again in a few days.
failure-given-up = Your usage could not be fetched. Please start again; if it happens twice, tell the operator of this service.
failure-no-file = PG&E gave us your usage in a form that we cannot put into files. The operator of this service has been told.

### Pages that say what happened and what to do

start-again = Start again
first-page = Go to the first page
load-again = Try again
incomplete-title = This link is incomplete
incomplete-text = It does not come from an authorization that was started here. Nothing was fetched.
incomplete-next = Please start again, with the button below.
denied-title = Nothing was shared
denied-cancelled-text = You cancelled the authorization at PG&E. Nothing was fetched.
denied-cancelled-next = You can start again whenever you like, or leave it at that.
denied-later-text = PG&E could not complete the authorization just now. Nothing was fetched.
denied-later-next = Please start again in a few minutes.
denied-ours-text = PG&E did not accept our request for your data. This is for us to repair. Nothing was fetched.
denied-ours-next = Please tell { $operator }. Starting again now would end the same way.
denied-other-text = PG&E ended the authorization with an error. Nothing was fetched.
denied-other-next = Please start again. If it happens twice, tell { $operator }.
not-completed-title = PG&E did not complete the authorization
code-text = PG&E says that this authorization has expired or was used before. Nothing was fetched.
code-next = Please start again.
away-text = PG&E cannot be reached at the moment. Nothing was fetched.
away-next = Please start again in a few minutes.
access-text = Something is wrong with our own access to PG&E, not with your account. Nothing was fetched.
access-next = { $operator } can see it in the log. Please try again later, or tell them.
unreadable-text = PG&E's answer could not be read. Nothing was fetched.
unreadable-next = Please start again. If it happens twice, tell { $operator }.
lost-title = Please authorize once more
lost-text = Something went wrong on our side just after PG&E had confirmed your authorization, and it was lost. Nothing was fetched.
lost-next = Please start again in a few minutes; your new authorization replaces the lost one.
used-title = This link has been used already
used-text = Each authorization link works once.
used-next = If you have just authorized, go back to the page that shows the progress. Otherwise start again.
late-title = That took too long
late-text = For your safety an authorization must be finished in time. Nothing was fetched.
late-next = Please start again, and finish at PG&E within { $minutes } minutes.
foreign-title = This link does not belong to this browser
foreign-text = The authorization was not started in this browser, or its cookies were removed. Nothing was fetched.
foreign-next = Please start again in this browser, and allow its cookies for this page.
trouble-title = Something went wrong on our side
trouble-text = This is not your fault, and nothing is lost.
trouble-next = Please load this page again in a minute.
unknown-title = No such authorization
unknown-text = The address is mistyped, or what it showed has been erased.
unknown-next = Look at the address in your bookmarks or history. If you have not authorized yet, start here.
nowhere-title = No such page
nowhere-text = The address may be mistyped or out of date.
nowhere-next = Everything begins on the first page.
method-title = Not possible here
method-post-text = No form of ours is sent to this address.
method-other-text = This page can only be looked at.
method-next = Everything begins on the first page.
