# Lo que lee un cliente de PG&E, en español. Mismos mensajes que en inglés.

consent-title = Comparta su consumo de PG&E con { $operator }
consent-lead = { $operator } le pide una copia única de su consumo de energía. Usted decide en PG&E qué compartir, y antes de eso no se obtiene nada.
consent-running-title = Usted dio una autorización hace poco
consent-running-text = No necesita hacerlo otra vez. La página de esa autorización muestra cómo va.
consent-running-link = Ver cómo va
consent-details = Lo que usted acepta
consent-who = Quién lo pide
consent-what = Qué
consent-what-text = Cuánta electricidad y cuánto gas usó, hora por hora o en los intervalos que guarda su medidor, de cada contrato de servicio que usted elija; y el nombre de cliente que PG&E tiene registrado.
consent-back = Desde cuándo
consent-back-text = { $months ->
    [one] El último mes. Nada de lo que use de ahora en adelante.
   *[other] Los últimos { $months } meses. Nada de lo que use de ahora en adelante.
 }
consent-purpose = Para qué
consent-purpose-text = Para el servicio que usted solicitó a { $operator }. Si no está seguro de cuál es, pregúnteles.
consent-kept = Cuánto tiempo se guarda
consent-kept-text = El archivo para { $operator }: { $files } días. Nuestra copia de trabajo: { $readings } días después de escribir ese archivo. El acceso a PG&E: solo hasta que la copia esté completa.
consent-withdraw = Cómo retirar su consentimiento
consent-withdraw-text = Antes de que esté completa: termine la autorización en su cuenta de PG&E. Nos detenemos y borramos lo obtenido. Después: pida a { $operator } que borre la copia.
consent-next = Qué pasa ahora
consent-next-login = Usted inicia sesión en PG&E y elige qué compartir. Nosotros nunca vemos su contraseña.
consent-next-fetch = Usted regresa aquí y nosotros obtenemos la copia. Tarda unos minutos; no hace falta esperar.
consent-next-end = Nosotros mismos terminamos la autorización en PG&E, y usted recibe un número de recibo.
consent-continue = Continuar a PG&E
consent-refuse = ¿No lo desea? Cierre esta página. No se obtiene nada y no se avisa a nadie.
consent-cookies = Las únicas cookies de esta página recuerdan por poco tiempo que usted empezó aquí, y el idioma si elige uno. No hay seguimiento.

progress-looking-title = Gracias
progress-looking-text = Usted nos ha autorizado. Estamos mirando qué ha compartido.
progress-fetching-title = Obteniendo su consumo
progress-fetching-text = { $meters ->
    [one] Se está leyendo un medidor, un período tras otro.
   *[other] Se están leyendo { $meters } medidores, un período tras otro.
 }
progress-finishing-title = Casi listo
progress-finishing-text = Todo está obtenido; estamos terminando.
progress-bar = { $received } de { $windows } partes obtenidas
progress-steps = Pasos
progress-step-authorized = Autorización recibida
progress-step-fetched = Consumo obtenido
progress-step-delivered = Archivo entregado
progress-step-ended = Autorización en PG&E terminada
progress-step-done = hecho
progress-step-now = en curso
progress-step-later = pendiente
progress-leave = Puede cerrar esta página: el trabajo continúa. Para ver cómo va, regrese a esta dirección; conviene guardarla en los marcadores.

done-title = Listo
done-text = Su consumo fue entregado a { $operator } y la autorización en PG&E está terminada. No tiene que hacer nada más.
done-what = Qué se entregó
done-what-text = { $meters ->
    [one] El consumo de un medidor del { $from } al { $until }.
   *[other] El consumo de { $meters } medidores del { $from } al { $until }.
 }
done-what-erased = Un archivo para { $operator }. Nuestra copia de trabajo ya está borrada.
done-authorization = Autorización en PG&E
done-authorization-text = Cerrada. Con ella ya no se puede obtener nada más.
receipt = Número de recibo
receipt-text = Dígalo a { $operator } cuando pregunte por esta copia. No da acceso a nada y no revela nada de usted.
done-kept = Cuánto tiempo se guarda
done-kept-text = El archivo: { $files } días. Nuestra copia de trabajo: { $days } días.
done-erasure = Cómo pedir que se borre
done-erasure-text = Pídalo a { $operator } cuando quiera e indique el número de recibo.
contact = Contacto

failed-title = No se pudo obtener su consumo
failed-text = Por favor, empiece de nuevo.
failed-next-ended = Lo que se había obtenido se está borrando. La autorización en PG&E está terminada. Puede empezar de nuevo cuando quiera.
failed-next-ending = Lo que se había obtenido se está borrando, y estamos terminando la autorización en PG&E. Puede empezar de nuevo cuando quiera.
withdrawn-title = La autorización ha terminado
withdrawn-text = PG&E nos indica que usted retiró su consentimiento o autorizó de nuevo. Nos detuvimos y borramos lo que habíamos obtenido.
withdrawn-next = No tiene que hacer nada. Si no era su intención, puede empezar de nuevo.
superseded-title = Usted ha autorizado de nuevo
superseded-text = Su autorización más reciente reemplazó a esta; su propia página muestra cómo va.
superseded-next = Aquí no tiene que hacer nada.
erased-title = Borrado
erased-text = Los datos de esta autorización han sido borrados.
erased-next = No tiene que hacer nada. Sin su consentimiento no se puede obtener nada de nuevo.

failure-slow = PG&E limita la rapidez con que podemos preguntar. Continuamos por nuestra cuenta dentro de un rato.
failure-away = No es posible comunicarse con PG&E en este momento. Lo intentamos de nuevo por nuestra cuenta.
failure-expired = Su autorización en PG&E venció o fue retirada. Por favor, empiece de nuevo.
failure-not-allowed = PG&E ya no nos permite leer sus datos: la autorización terminó o no los incluye. Si desea que continuemos, empiece de nuevo.
failure-unreadable = No se pudo leer la respuesta de PG&E. Se ha avisado al responsable de este servicio.
failure-access = Hay un problema con nuestro propio acceso a PG&E, no con su cuenta. Se ha avisado al responsable de este servicio.
failure-our-fault = Algo está mal de nuestro lado. Se ha avisado al responsable de este servicio.
failure-broke-off = La respuesta de PG&E se interrumpió. Lo intentamos de nuevo por nuestra cuenta.
failure-ours = Algo falló de nuestro lado. Lo intentamos de nuevo por nuestra cuenta.
failure-ours-stopped = Algo falló de nuestro lado y hemos dejado de intentarlo. Por favor, empiece de nuevo más tarde.
failure-away-stopped = No fue posible comunicarse con PG&E durante demasiado tiempo y hemos dejado de intentarlo. Por favor, empiece de nuevo más tarde.
failure-nothing-shared = PG&E indica que usted no compartió ningún contrato de servicio con consumo. Empiece de nuevo y elija al menos uno.
failure-never-delivered = PG&E anunció su consumo pero nunca lo entregó. Por favor, empiece de nuevo más tarde.
failure-late = PG&E no entregó su consumo a tiempo. Por favor, empiece de nuevo.
failure-no-usage = PG&E todavía no tiene consumo suyo del período que pedimos. Por favor, empiece de nuevo en unos días.
failure-given-up = No se pudo obtener su consumo. Empiece de nuevo; si ocurre dos veces, avise al responsable de este servicio.
failure-no-file = PG&E nos entregó su consumo en una forma que no podemos pasar a archivos. Se ha avisado al responsable de este servicio.

start-again = Empezar de nuevo
first-page = Ir a la primera página
load-again = Intentar de nuevo
incomplete-title = Este enlace está incompleto
incomplete-text = No viene de una autorización que se haya iniciado aquí. No se obtuvo nada.
incomplete-next = Empiece de nuevo con el botón de abajo.
denied-title = No se compartió nada
denied-cancelled-text = Usted canceló la autorización en PG&E. No se obtuvo nada.
denied-cancelled-next = Puede empezar de nuevo cuando quiera, o dejarlo así.
denied-later-text = PG&E no pudo completar la autorización en este momento. No se obtuvo nada.
denied-later-next = Por favor, empiece de nuevo en unos minutos.
denied-ours-text = PG&E no aceptó nuestra solicitud de sus datos. Nos corresponde a nosotros corregirlo. No se obtuvo nada.
denied-ours-next = Por favor, avise a { $operator }. Si empieza de nuevo ahora, ocurrirá lo mismo.
denied-other-text = PG&E terminó la autorización con un error. No se obtuvo nada.
denied-other-next = Por favor, empiece de nuevo. Si ocurre dos veces, avise a { $operator }.
not-completed-title = PG&E no completó la autorización
code-text = PG&E indica que esta autorización venció o ya se había usado. No se obtuvo nada.
code-next = Por favor, empiece de nuevo.
away-text = No es posible comunicarse con PG&E en este momento. No se obtuvo nada.
away-next = Por favor, empiece de nuevo en unos minutos.
access-text = Hay un problema con nuestro propio acceso a PG&E, no con su cuenta. No se obtuvo nada.
access-next = { $operator } puede verlo en su registro. Inténtelo más tarde o avíseles.
unreadable-text = No se pudo leer la respuesta de PG&E. No se obtuvo nada.
unreadable-next = Por favor, empiece de nuevo. Si ocurre dos veces, avise a { $operator }.
lost-title = Por favor, autorice una vez más
lost-text = Algo falló de nuestro lado justo después de que PG&E confirmara su autorización, y se perdió. No se obtuvo nada.
lost-next = Empiece de nuevo en unos minutos; su nueva autorización reemplaza a la perdida.
used-title = Este enlace ya se ha usado
used-text = Cada enlace de autorización funciona una sola vez.
used-next = Si acaba de autorizar, regrese a la página que muestra el avance. Si no, empiece de nuevo.
late-title = Tardó demasiado
late-text = Por su seguridad, una autorización debe completarse a tiempo. No se obtuvo nada.
late-next = Empiece de nuevo y termine en PG&E en un máximo de { $minutes } minutos.
foreign-title = Este enlace no pertenece a este navegador
foreign-text = La autorización no se inició en este navegador, o se borraron sus cookies. No se obtuvo nada.
foreign-next = Empiece de nuevo en este navegador y permita sus cookies para esta página.
trouble-title = Algo falló de nuestro lado
trouble-text = No es culpa suya y no se ha perdido nada.
trouble-next = Cargue esta página de nuevo en un minuto.
unknown-title = No existe esa autorización
unknown-text = La dirección está mal escrita, o lo que mostraba se ha borrado.
unknown-next = Revise la dirección en sus marcadores o en el historial. Si todavía no ha autorizado, empiece aquí.
nowhere-title = No existe esa página
nowhere-text = Es posible que la dirección esté mal escrita o desactualizada.
nowhere-next = Todo empieza en la primera página.
method-title = Aquí no es posible
method-post-text = Ningún formulario nuestro se envía a esta dirección.
method-other-text = Esta página solo se puede mirar.
method-next = Todo empieza en la primera página.
