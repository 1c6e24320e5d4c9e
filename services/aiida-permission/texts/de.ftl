# Was ein Haushalt liest, auf Deutsch.

### Wo die Anfrage steht: Überschrift, Kennzeichen, was es bedeutet und was zu tun ist

title-asked = Daten aus Ihrem Zuhause teilen
badge-asked = wartet auf Sie
lead-asked = { $operator } bittet um Daten aus Ihrem Zuhause. Scannen Sie diesen Code mit Ihrer AIIDA, um die Anfrage dort zu sehen. Bevor Sie zustimmen, wird nichts geteilt.
title-overdue = Daten aus Ihrem Zuhause teilen
badge-overdue = wartet auf Sie
lead-overdue = { $operator } bittet um Daten aus Ihrem Zuhause. Scannen Sie diesen Code mit Ihrer AIIDA, um die Anfrage dort zu sehen. Bevor Sie zustimmen, wird nichts geteilt.
title-seen = Entscheiden Sie jetzt in Ihrer AIIDA
badge-seen = wartet auf Ihre Entscheidung
lead-seen = Ihre AIIDA hat die Anfrage abgerufen. Sehen Sie sie dort an und stimmen Sie zu oder lehnen Sie ab. Bevor Sie zustimmen, wird nichts geteilt.
title-expired = Dieser Code ist abgelaufen
badge-expired = abgelaufen
lead-expired = Es hat niemand rechtzeitig geantwortet; der Code öffnet nichts mehr. Es wird nichts geteilt. Wenn Sie noch möchten, fordern Sie einen neuen Code an.
title-awaited = Zugestimmt
badge-awaited = zugestimmt
lead-awaited = Ihre AIIDA hat zugestimmt und verbindet sich gleich. Sobald etwas ankommt, zeigt es diese Seite.
title-planned = Zugestimmt
badge-planned = zugestimmt
lead-planned = Ihre AIIDA hat zugestimmt. Daten fließen ab dem { $day }; bis dahin müssen Sie nichts tun.
title-silent = Bisher ist nichts angekommen
badge-silent = zugestimmt, aber nicht verbunden
lead-silent = Ihre AIIDA hat zugestimmt, aber von ihr ist nichts angekommen. Was hilft, steht unten.
title-unseen = Zugestimmt
badge-unseen = zugestimmt
lead-unseen = Ihre AIIDA hat zugestimmt. Hierfür empfängt sie nur, deshalb sehen wir von hier nicht, ob sie verbunden ist. Zeigt sie diese Anfrage nicht als aktiv an, entfernen Sie sie dort und fordern Sie hier einen neuen Code an.
title-active = Verbunden
badge-active = verbunden
lead-active = Ihre AIIDA ist verbunden. Sie können in Ihrer AIIDA jederzeit widerrufen.
title-reading = Messwerte kommen an
badge-reading = verbunden
lead-reading = Alles funktioniert: Sie müssen nichts mehr tun. Sie können in Ihrer AIIDA jederzeit widerrufen.
title-quiet = Keine neuen Messwerte
badge-quiet = verbunden, aber still
lead-quiet = Es sind schon Messwerte angekommen, aber seit einer Weile keine mehr. Vielleicht ist das Senden angehalten, oder Ihre AIIDA ist ausgeschaltet oder offline. Sobald sie wieder da ist, geht es von selbst weiter.
title-rejected = Sie haben abgelehnt
badge-rejected = abgelehnt
lead-rejected = Es wird nichts geteilt, und Sie müssen nichts tun. War es ein Versehen, fordern Sie einen neuen Code an.
title-unfulfillable = Ihre AIIDA kann das nicht liefern
badge-unfulfillable = nicht möglich
lead-unfulfillable = Sie hat geantwortet, dass sie nichts hat, was zur Anfrage passt. Es wird nichts geteilt. Verbinden Sie Ihren Zähler oder Ihr Gerät mit der AIIDA und fordern Sie einen neuen Code an, oder fragen Sie { $operator }.
title-revoked = Sie haben widerrufen
badge-revoked = widerrufen
lead-revoked = Es wird nichts mehr geteilt, und Sie müssen nichts tun. Soll gelöscht werden, was vorher gesendet wurde, wenden Sie sich an { $operator }. Wenn Sie es sich anders überlegen, fordern Sie einen neuen Code an.
title-fulfilled = Abgeschlossen
badge-fulfilled = abgeschlossen
lead-fulfilled = Die vereinbarte Zeit ist vorbei. Es wird nichts mehr geteilt, und Sie müssen nichts tun. Soll gelöscht werden, was gesendet wurde, wenden Sie sich an { $operator }.
title-ended = Beendet von { $operator }
badge-ended = beendet
lead-ended = Es wird nichts mehr geteilt. Ihre AIIDA erfährt es, sobald sie online ist; Sie müssen nichts tun. Soll gelöscht werden, was gesendet wurde, wenden Sie sich an { $operator }.
title-closed = Diese Anfrage ist geschlossen
badge-closed = geschlossen
lead-closed = Es wird nichts geteilt. Wenn Sie Fragen haben oder noch möchten, wenden Sie sich an { $operator }.

### Der Code

scan-how = So geht es
scan-open = Öffnen Sie Ihre AIIDA, in der App oder auf ihrer Seite, und fügen Sie eine Anfrage hinzu.
scan-scan = Scannen Sie den Code, oder fügen Sie ihn als Text ein.
scan-decide = Sehen Sie sich an, worum gebeten wird, und stimmen Sie zu oder lehnen Sie ab. Hierher zurückkommen müssen Sie nicht.
scan-aiida = AIIDA ist das Gerät oder die App in Ihrem Zuhause, die Ihren Zähler liest. Sie gibt nichts weiter, dem Sie nicht zugestimmt haben.
code-picture = QR-Code der Anfrage
code-text = Derselbe Code als Text
code-hint = Für eine AIIDA auf diesem Gerät oder ohne Kamera: Kopieren Sie den Text und fügen Sie ihn dort ein.
code-copy = Code kopieren
code-copied = Kopiert. Fügen Sie ihn jetzt in Ihrer AIIDA ein.
code-selected = Der Text ist markiert: Kopieren Sie ihn jetzt.
code-again = Code noch einmal zeigen
code-older = Meine AIIDA ist älter und kennt diesen Code nicht
code-older-text = Das ist der Code für eine AIIDA von 2025.
code-older-of = Meine AIIDA ist älter: Code für „{ $name }“
code-current = Den Code für neuere AIIDA zeigen
code-until = Der Code gilt bis zum { $time }.

### Hilfe

help-scan = Ich habe ihn gescannt, und nichts geschieht
help-scan-online = Ihre AIIDA muss { $host } erreichen können: Sehen Sie nach, ob sie online ist.
help-scan-light = Der Code soll das Bild der Kamera füllen; stellen Sie den Bildschirm heller. Oder kopieren Sie den Code als Text.
help-scan-older = Sagt Ihre AIIDA, dass sie den Code nicht versteht, versuchen Sie den für ältere AIIDA.
help-silent = Was Sie tun können
help-silent-active = Sehen Sie sich die Anfrage in Ihrer AIIDA an. Ist sie dort nicht als aktiv zu sehen, entfernen Sie sie dort und fordern Sie hier einen neuen Code an.
help-silent-online = Ist Ihre AIIDA eingeschaltet und online? Sie sendet an { $broker }; eine Firewall dazwischen muss das durchlassen.
help-silent-meter = Zeigt Ihre AIIDA Werte Ihres Zählers? Wenn nicht, prüfen Sie das Kabel zwischen beiden und ob Ihr Netzbetreiber die Schnittstelle des Zählers für Sie geöffnet hat.
help-contact = Hilft nichts davon, fragen Sie { $operator }
again = Neuen Code anfordern
leave = Diese Seite zeigt von selbst, wenn sich etwas ändert. Sie können sie schließen und unter derselben Adresse wiederkommen.

### Schritte

steps = Stand der Anfrage
step-scan = Code gescannt
step-accept = In Ihrer AIIDA zugestimmt
step-connect = AIIDA verbunden
step-reading = Erster Messwert angekommen
step-done = fertig
step-now = jetzt
step-missing = fehlt
step-later = kommt noch

### Die letzten Werte

values = Letzte Werte
values-at = Gemessen

### Worum gebeten wird

asked = Worum gebeten wird
asked-over = Worum gebeten wurde
asked-purpose = Wofür
asked-what = Was fließt
asked-often = Wie oft
asked-when = Wann
asked-commands = { $operator } darf außerdem
asked-policy = Mehr dazu
asked-policy-link = Datenschutzerklärung zu diesen Daten (öffnet eine neue Seite)
asked-withdraw = Wie Sie widerrufen
asked-withdraw-text = In Ihrer AIIDA, jederzeit.
what-readings = Messwerte Ihres Smart Meters
what-readings-all = Messwerte Ihres Smart Meters, alle Werte
what-limits-passed = Grenzen, die Ihr Zuhause empfangen hat, weitergegeben
what-messages-passed = Nachrichten eines Geräts in Ihrem Zuhause, weitergegeben
what-limits = Grenzen dafür, wie viel Ihr Zuhause bezieht oder einspeist, an Ihr Zuhause gesendet
what-messages = Nachrichten für ein Gerät, an Ihr Zuhause gesendet
when-range = vom { $start } bis zum { $end }
when-open = ab dem { $start }, bis Sie widerrufen
when-over = die Tage, für die es gedacht war, sind vorbei
command-schedule = ändern, wie oft Ihr Zuhause sendet
command-pause = das Senden anhalten und fortsetzen

### Werte nach ihrer Bedeutung

meaning-energy-in = Energie, aus dem Netz bezogen
meaning-energy-out = Energie, ins Netz eingespeist
meaning-power-in = Leistung, aus dem Netz bezogen
meaning-power-out = Leistung, ins Netz eingespeist
meaning-power-sum = Leistung, Bezug minus Einspeisung
meaning-reactive-energy-in = Blindenergie, bezogen
meaning-reactive-energy-out = Blindenergie, eingespeist
meaning-reactive-in = Blindleistung, bezogen
meaning-reactive-out = Blindleistung, eingespeist
meaning-reactive = Blindleistung
meaning-voltage = Spannung
meaning-current = Strom
meaning-current-neutral = Strom des Neutralleiters
meaning-current-most = höchster Strom
meaning-frequency = Frequenz des Netzes
meaning-power-factor = Leistungsfaktor
meaning-meter-number = Nummer des Zählers
meaning-meter-clock = Uhr des Zählers
meaning-other-meter = Stand eines weiteren Zählers (Gas, Wasser oder Wärme)
meaning-phase = { $what }, Phase { $phase }
meaning-tariff = { $what }, Tarif { $tariff }
meaning-unknown = Wert { $code }

### Zeitpläne

often-seconds = { $count ->
    [one] jede Sekunde
   *[other] alle { $count } Sekunden
 }
often-minutes = { $count ->
    [one] jede Minute
   *[other] alle { $count } Minuten
 }
often-hours = { $count ->
    [one] jede Stunde
   *[other] alle { $count } Stunden
 }
often-about = etwa { $rhythm }
often-a-minute = { $count }-mal in der Minute
often-an-hour = { $count }-mal in der Stunde
often-a-day = { $count }-mal am Tag
often-at = um { $times } Uhr (UTC)
often-between = { $rhythm }, zwischen { $from } und { $until } Uhr (UTC)
often-on = { $rhythm }, { $days }
often-set = zu bestimmten Zeiten, das nächste Mal am { $time }
days-every = täglich
days-range = { $first } bis { $last }
days-month = am { $days } jedes Monats
days-count = an { $count } Tagen jedes Monats
days-day = { $day }.
list-and = { $first } und { $last }
weekday-1 = Montag
weekday-2 = Dienstag
weekday-3 = Mittwoch
weekday-4 = Donnerstag
weekday-5 = Freitag
weekday-6 = Samstag
weekday-7 = Sonntag

### Anfragen über einen Link

ask-title = Daten aus Ihrem Zuhause teilen
ask-lead = { $operator } bittet um Daten aus Ihrem Zuhause. Auf der nächsten Seite ist ein Code für Ihre AIIDA, die Ihnen die Anfrage zeigt. Bevor Sie dort zustimmen, wird nichts geteilt.
ask-button = Code zeigen

### Seiten, die sagen, was geschah und was zu tun ist

contact = Kontakt
incomplete-title = Dieser Link ist nicht vollständig
incomplete-text = Es wurde nichts angefragt.
incomplete-next = Bitte sagen Sie dem, von dem Sie den Link haben, was unten steht.
needs-title = Das kann nicht angefragt werden
needs-text = Es wurde nichts angefragt.
needs-next = Bitte sagen Sie dem, von dem Sie den Link haben, was unten steht.
full-title = Zurzeit zu viele Anfragen
full-text = Es wurde nichts angefragt, und es liegt nicht an Ihnen.
full-next = Bitte versuchen Sie es später am Tag noch einmal.
closed-title = Wird hier nicht angefragt
closed-text = Es wurde nichts angefragt.
closed-next = Bitten Sie den, von dem Sie den Link haben, um eine eigene Seite für Sie.
nothing-title = Nichts noch einmal anzufragen
nothing-text = Der Code, den Sie haben, gilt noch, oder es ist beendet, wofür er war.
nothing-next = Gehen Sie zu der Seite zurück, von der Sie kommen.
unknown-title = Keine solche Seite
unknown-text = Die Adresse ist vertippt, oder was sie zeigte, ist gelöscht.
unknown-next = Sehen Sie sich die Adresse noch einmal an, oder bitten Sie den, von dem Sie sie haben, um eine neue.
trouble-title = Bei uns ist etwas schiefgegangen
trouble-text = Es liegt nicht an Ihnen, und es ist nichts verloren.
trouble-next = Bitte laden Sie diese Seite in einer Minute noch einmal.
method-title = Hier nicht möglich
method-text = Diese Adresse wird nicht so benutzt.
method-next = Gehen Sie zu der Seite zurück, von der Sie kommen.
