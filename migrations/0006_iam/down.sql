DROP TABLE aiida.aiida_mqtt_acl, aiida.aiida_mqtt_user;
